"""How people and systems sign in, by what factors, through whom, and for how long."""
