"""What a study's numbers follow: straight lines (`line`), power laws with a floor (`power`), and how many images
a wanted accuracy asks for (`needed`)."""
