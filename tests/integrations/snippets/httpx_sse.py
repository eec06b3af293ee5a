LIBRARY = "httpx-sse"
AUTH = "HTTPXAuth"
SNIPPET = """\
from httpx_sse import connect_sse
client = httpx.Client(auth=auth)
connection = connect_sse(client, "GET", url)  # with connection as source: ...
"""
