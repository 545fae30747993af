"""Makes `python -m lolslackbot` the same as the installed command."""

from lolslackbot.cli import main

if __name__ == "__main__":
    main()
