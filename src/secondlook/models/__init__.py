"""What learns: nets as one line of text, engines that train them, the classical models, and the ladder of all."""
