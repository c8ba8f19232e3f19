"""`lift mcp`: a running service as tools of an assistant."""

from deployments.cli.generate import URL, ApiKey


def mcp(url: URL = "http://127.0.0.1:8000", api_key: ApiKey = None) -> None:
    """Offer the service to an assistant, over standard input and output (Model Context Protocol).

    Let the assistant start it: `lift mcp --url http://127.0.0.1:8000`. Tools: `lift_function`, `validate_function`.
    """
    from deployments.mcp_server import mcp_server

    mcp_server(url, api_key).run()
