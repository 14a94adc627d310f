"""From panes to window reports and the Redis read model."""
