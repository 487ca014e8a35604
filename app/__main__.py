"""`python -m app` is `evergreen`, where only the code and no script is installed."""

from app.cli import main

main()
