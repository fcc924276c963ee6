"""The five source studies, a short file each: their data, models, recipes, published tables and claims."""
