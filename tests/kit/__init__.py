"""What tests share: clients with one face, a clock to move, servers, waiting."""
