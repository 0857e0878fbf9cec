"""The session that the client holds: asked for, renewed, given back, kept in time."""

from typing import Any

import pytest

from tests.browser.evaluating import Evaluate

LEASE = """
  const { Lease } = await import("/likeness/lease.js");
  const calls = [];
  const api = {
    createSession: async (wish) => {
      calls.push(["create", wish]);
      return { session_id: "made" };
    },
    completeGrant: async (grant) => {
      calls.push(["complete"]);
      grant.ice_servers = [];
    },
    freeSession: (grant) => calls.push(["free", grant.session_id]),
    newToken: async ({ session_id }) => {
      calls.push(["renew", session_id]);
      return { session_id, token: "new", ice_servers: [] };
    },
    keepAlive: async (grant) => Object.assign(grant, { expires_in_s: 40 }),
  };
  const life = new AbortController();
  const attempt = (lease) => lease.take(life.signal).then(
    ({ session_id }) => session_id,
    ({ name, code, retryable }) => [name === "ApiError" ? code : name, retryable]);
"""


def test_a_session_is_kept_until_it_is_dropped(evaluate: Evaluate) -> None:
    got = evaluate(
        LEASE
        + """const lease = new Lease(api, { voice: "v" }, {});
        const first = await lease.take(life.signal);
        const again = await lease.take(life.signal);
        lease.drop();
        await lease.take(life.signal);
        lease.giveBack();
        return [first === again, lease.sessionId, calls];"""
    )
    create, complete = ["create", {"voice": "v"}], ["complete"]
    freed = ["free", "made"]
    assert got == [True, None, [create, complete, create, complete, freed]]


def test_a_joined_session_is_left_to_its_owner(evaluate: Evaluate) -> None:
    got = evaluate(
        LEASE
        + """const join = { session_id: "theirs", token: "t" };
        const lease = new Lease(api, {}, { join });
        const grant = await lease.take(life.signal);
        lease.giveBack();
        return [grant.session_id, grant.viewer_id.length > 8, calls];"""
    )
    assert got == ["theirs", True, [["complete"]]]


def test_a_token_that_ended_is_asked_for_anew_and_the_session_kept(
    evaluate: Evaluate,
) -> None:
    got = evaluate(
        LEASE
        + """const lease = new Lease(api, {}, {});
        const idle = lease.expire();
        await lease.take(life.signal);
        const may = lease.expire();
        const { token } = await lease.take(life.signal);
        const asked = [];
        const grant = (wish, signal, known) => {
          asked.push(known);
          return { session_id: known ?? "granted", token: `${asked.length}` };
        };
        const granted = new Lease(api, {}, { grant });
        await granted.take(life.signal);
        granted.expire();
        const second = await granted.take(life.signal);
        granted.drop();
        await granted.take(life.signal);
        return [idle, may, token, calls.filter(([what]) => what === "renew"),
          asked, second.session_id, second.token];"""
    )
    renewals = [["renew", "made"]]
    asked = [None, "granted", None]
    assert got == [False, True, "new", renewals, asked, "granted", "2"]


def test_nobody_renews_a_link_whose_token_ended(evaluate: Evaluate) -> None:
    assert not evaluate(
        LEASE
        + """const join = { session_id: "theirs", token: "t" };
        const lease = new Lease(api, {}, { join });
        await lease.take(life.signal);
        return lease.expire();"""
    )


@pytest.mark.parametrize(
    ("expires_in_s", "due_ms"), [(None, 0), (6, 3_100), (3_600, 15_100)]
)
def test_a_token_is_renewed_when_half_its_life_is_over(
    evaluate: Evaluate, expires_in_s: int | None, due_ms: int
) -> None:
    """And at once where nobody has told how old it is."""
    dues = evaluate(
        LEASE
        + """let now = 1e6;
        performance.now = () => now;
        const granted = { session_id: "s", expires_in_s: given ?? undefined };
        const lease = new Lease(api, {}, { grant: async () => granted });
        const dueMs = () => {
          const begin = now;
          while (!lease.isDue) now += 100;
          return now - begin;
        };
        await lease.take(life.signal);
        const dues = [dueMs()];
        await lease.keepAlive();
        dues.push(dueMs());
        lease.renew("t", 4);
        dues.push(dueMs());
        delete performance.now;
        return dues;""",
        expires_in_s,
    )
    assert dues == [due_ms, 15_100, 2_100]


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        ("async () => ({ session_id: 'own' })", "own"),
        ("async () => Response.json({ session_id: 'own' })", "own"),
        ('() => new Response(\'{"code": "c"}\', { status: 403 })', ["c", False]),
        ("() => new Response('', { status: 502 })", ["", True]),
        ("async () => { throw new Error('no') }", ["grant_failed", True]),
        ("() => null", ["grant_invalid", False]),
        ("() => ({ token: 't' })", ["grant_invalid", False]),
        ("() => new Response('<html>')", ["grant_failed", True]),
    ],
)
def test_a_grant_may_be_a_session_a_response_or_a_failure(
    evaluate: Evaluate, grant: str, expected: Any
) -> None:
    assert (
        evaluate(LEASE + f"return attempt(new Lease(api, {{}}, {{ grant: {grant} }}));")
        == expected
    )


def test_a_grant_that_comes_too_late_is_given_back(evaluate: Evaluate) -> None:
    got = evaluate(
        LEASE
        + """let give;
        const grant = () => new Promise((resolve) => (give = resolve));
        const waiting = attempt(new Lease(api, {}, { grant }));
        life.abort(new DOMException("closed", "AbortError"));
        const ended = await waiting;
        give({ session_id: "late" });
        await new Promise((resolve) => setTimeout(resolve));
        return [ended[0], calls];"""
    )
    assert got == ["AbortError", [["free", "late"]]]
