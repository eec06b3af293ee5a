LIBRARY = "fastmcp"
AUTH = "HTTPXAuth"
SNIPPET = """\
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
client = Client(StreamableHttpTransport(url, auth=auth))
"""
