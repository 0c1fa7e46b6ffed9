"""Makes the atmospheric tables of the project. See README.md beside this folder."""
