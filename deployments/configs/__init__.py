"""The Serve configs for GPU clusters and their Kubernetes manifests, written by `make configs`. Start at presets.py."""
