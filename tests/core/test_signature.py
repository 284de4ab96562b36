"""Signatures of webhooks, against the example that Standard Webhooks' own libraries are tested with."""

from core.signature import new_secret, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_example_of_standard_webhooks_is_signed_alike():
    headers = signed_headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_has_the_bytes_that_the_standard_asks_for_and_no_two_are_alike():
    assert new_secret() != new_secret()
    assert len(new_secret().removeprefix("whsec_")) == 44  # 32 bytes in base64
