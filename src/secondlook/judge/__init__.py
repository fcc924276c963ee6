"""What is true of data and models: findings with stable codes."""
