"""Numbers that describe values without an order: texts, embeddings and sets."""
