LIBRARY = "mcp"
AUTH = "HTTPXAuth"
SNIPPET = """\
from mcp.client.streamable_http import streamable_http_client
http_client = httpx2.AsyncClient(auth=auth)
connection = streamable_http_client(url, http_client=http_client)  # async with connection as streams: ...
"""
