LIBRARY = "web3"
AUTH = "RequestsAuth"
SNIPPET = """\
from web3 import HTTPProvider, Web3
w3 = Web3(HTTPProvider(url, request_kwargs={"auth": auth, "timeout": 60}))
"""
