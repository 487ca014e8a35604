"""What a link in a copy leads to."""

from flask import Flask

from app import mail_copy


def test_a_dead_link_says_that_it_is_one() -> None:
    app = Flask("shop")
    app.register_blueprint(mail_copy.blueprint())
    browser = app.test_client()

    assert "copy of a customer's email" in browser.get("/copy?anything=1").text
    assert browser.post("/copy").status_code == 405
