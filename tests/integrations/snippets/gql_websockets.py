LIBRARY = "gql (WebSocket)"
AUTH = "none: the URL carries the token"
SNIPPET = """\
from gql import Client
from gql.transport.websockets import WebsocketsTransport
address = websocket_url(url, token)  # with token = await source.atoken(), before each connection
client = Client(transport=WebsocketsTransport(address))
"""
