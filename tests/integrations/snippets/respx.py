LIBRARY = "respx"
AUTH = "HTTPXAuth"
SNIPPET = """\
import httpx, respx
with respx.mock:  # token requests would not meet the mock: give StaticToken("test") as source
    respx.post("https://streaming.bitquery.io/graphql").respond(json={"data": {}})
    answer = httpx.post("https://streaming.bitquery.io/graphql", json={"query": "{ ok }"}, auth=auth)
"""
