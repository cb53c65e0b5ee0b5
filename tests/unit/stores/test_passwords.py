"""Password hashes: their parameters, their answers, and that an unknown name costs the same."""

from __future__ import annotations

import argon2
import pytest
import pytest_twisted

from esframework.errors import ComeBackLater, InvalidPassword, StoreError
from esframework.stores.passwords import HASHING_THREADS, PasswordHashing, PasswordPool
from esframework.stores.threads import BoundedPool

CHEAP = PasswordHashing(memory=8, rounds=1)


def test_the_default_is_argon2id_with_19_mib_two_rounds_and_one_lane() -> None:
    assert PasswordHashing().hash("secret").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_what_stands_in_for_nobody_s_hash_costs_what_a_real_one_does() -> None:
    hashing = PasswordHashing()
    real, nobody = (argon2.extract_parameters(text) for text in (hashing.hash("secret"), hashing._nobody))
    assert nobody == real


def test_a_hash_fits_its_password_alone() -> None:
    stored = CHEAP.hash("secret")
    assert CHEAP.matches(stored, "secret")
    assert not CHEAP.matches(stored, "secret ")


def test_two_hashes_of_one_password_differ() -> None:
    assert CHEAP.hash("secret") != CHEAP.hash("secret")


def test_a_hash_of_other_costs_is_still_checked() -> None:
    assert CHEAP.matches(PasswordHashing(memory=16, rounds=2).hash("secret"), "secret")


def test_nobody_has_no_password() -> None:
    assert not CHEAP.matches(None, "secret")


@pytest.mark.parametrize("password", ["", "x" * 1025, "\ud800", "esframework-token:x"])
def test_an_impossible_password_fits_nothing(password: str) -> None:
    assert not CHEAP.matches(CHEAP.hash("secret"), password)
    with pytest.raises(InvalidPassword):
        CHEAP.hash(password)


@pytest.mark.parametrize(
    "damaged", ["plain", "$argon2id$v=19$m=8,t=1,p=1$", "$argon2id$v=19$m=8,t=1,p=1$!$!"]
)
def test_a_damaged_hash_is_an_error_and_no_answer(damaged: str) -> None:
    with pytest.raises(StoreError, match="damaged"):
        CHEAP.matches(damaged, "secret")


def test_an_error_never_shows_the_password() -> None:
    with pytest.raises(InvalidPassword) as caught:
        CHEAP.hash("hidden" * 1000)
    assert "hidden" not in str(caught.value)


@pytest_twisted.ensureDeferred
async def test_the_pool_gives_the_same_answers_and_its_queue_is_bounded() -> None:
    passwords = PasswordPool(CHEAP, BoundedPool("checking passwords", HASHING_THREADS, 4))
    stored = await passwords.hash("secret")
    answers = [passwords.matches(stored, "secret") for _ in range(4)]
    with pytest.raises(ComeBackLater, match=r"try again in \d+ s"):
        await passwords.matches(stored, "secret")
    assert [await answer for answer in answers] == [True] * 4
    await passwords.close()
