"""The web page at `/`: static files that talk to the API as any other client does. Start at static/page.js."""
