"""The demo: real model traffic through a real Kafka and a real Redis, in about a minute."""
