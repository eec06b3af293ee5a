LIBRARY = "httpx-ws"
AUTH = "HTTPXAuth"
SNIPPET = """\
from httpx_ws import connect_ws
client = httpx.Client(auth=auth)
connection = connect_ws(url, client)  # with connection as websocket: ...
"""
