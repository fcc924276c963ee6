"""What the numbers are: pure functions on arrays. One place for each formula."""
