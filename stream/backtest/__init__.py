"""What would have alerted, and when: the product's own path over a log, in memory."""
