LIBRARY = "pytest-httpx"
AUTH = "HTTPXAuth"
SNIPPET = """\
import httpx
def test_a_query(httpx_mock):  # token requests would not meet the mock: give StaticToken("test") as source
    httpx_mock.add_response(json={"data": {}})
    assert httpx.post("https://streaming.bitquery.io/graphql", auth=auth).json() == {"data": {}}
"""
