"""What a service loses over a long time under a low load: `lift soak`."""
