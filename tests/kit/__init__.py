"""What tests share: clients behind one interface, a clock to move, servers, waiting."""

QUERY = {"query": "{ EVM(network: eth) { DEXTrades(limit: {count: 3}) { Transaction { Hash } } } }"}
"""A request body that the sandbox's GraphQL endpoint knows."""
