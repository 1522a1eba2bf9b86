"""Interfaces over HTTP: what is declared is what is called, no other host is, and limits are kept."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from systems_http import TOKEN, Host, Pages, Shop, declared
from systems_hubspot import HubSpot, contact
from systems_suite import EVERYBODY, PEOPLE, holds_no_value

from amana import errors
from amana.connectors.systems import catalogue, http, http_declared
from amana.connectors.systems.http_wire import Call, Wire
from amana.connectors.systems.system import Change, Match
from amana.core.data_map import Collection, DataType, Field, System

pytestmark = pytest.mark.usefixtures("closed_wires")
EMAIL = Match(path="email", values=("dana@shop.example", "jose@shop.example"))


class Scripted(Pages):
    """Gives the answers of a list, in order, and the last one for ever."""

    def answer(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        script = self.server.state["script"]
        status, said, headers = script.pop(0) if len(script) > 1 else script[0]
        self.server.state.setdefault("seen", []).append(
            (self.command, self.path, dict(self.headers), self.sent)
        )
        self.say(status, said, **headers)


@pytest.fixture
def host() -> Iterator[Host]:
    with Host(Scripted).running() as running:
        yield running


def scripted(host: Host, *answers: tuple[int, Any] | tuple[int, Any, dict[str, str]]) -> None:
    host.state["script"] = [(*one, {}) if len(one) == 2 else one for one in answers]


def rows_of(settings: http_declared.Settings, **environment: str) -> http.Http:
    return http.open_http(settings, Path(), {"SHOP_KEY": TOKEN, **environment})


ROW = {"id": 1, "email": "dana@shop.example"}
SMALL = Collection(
    dataset="shop",
    name="people",
    fields=(
        Field(path="id", type=DataType.INTEGER, primary_key=True),
        Field(path="email", type=DataType.STRING),
    ),
)
FIND = {"field": "email", "path": "/people", "query": {"email": "{value}"}, "rows": "rows"}


def small(host: Host, find: dict[str, Any], **more: Any) -> http.Http:
    settings = {
        "base": host.base,
        "collections": {"people": {"find": [{**FIND, **find}]}},
        "bounds": {"tries": 2},
    }
    return rows_of(http_declared.read({**settings, **more}))


def ids(rows: http.Http) -> list[Any]:
    return [row["id"] for row in rows.find(SMALL, [Match(path="email", values=("dana@shop.example",))])]


class TestPages:
    def test_links_are_followed_to_the_end(self, host: Host) -> None:
        link = {"Link": f'<{host.base}/people?page=2>; rel="next", <{host.base}/people>; rel="first"'}
        scripted(host, (200, {"rows": [{**ROW, "id": 3}]}, link), (200, {"rows": [ROW]}))
        assert ids(small(host, {"pages": {"kind": "link"}})) == [1, 3]

    def test_a_link_to_another_host_is_not_followed(self, host: Host) -> None:
        link = {"Link": '<https://elsewhere.example/people?page=2>; rel="next"'}
        scripted(host, (200, {"rows": [ROW]}, link))
        with pytest.raises(errors.Undeliverable, match="http_other_host"):
            ids(small(host, {"pages": {"kind": "link"}}))

    @pytest.mark.parametrize(("kind", "asked"), [("page", ["1", "2"]), ("offset", ["1", "3"])])
    def test_pages_and_offsets_are_counted_until_a_page_is_not_full(
        self, host: Host, kind: str, asked: list[str]
    ) -> None:
        scripted(host, (200, {"rows": [ROW, {**ROW, "id": 2}]}), (200, {"rows": [{**ROW, "id": 3}]}))
        rows = small(host, {"pages": {"kind": kind, "query": "p", "first": 1, "size": 2}})
        assert ids(rows) == [1, 2, 3]
        assert [path.partition("&p=")[2] for _, path, _, _ in host.state["seen"]] == asked

    def test_a_page_that_comes_again_is_an_error_and_no_endless_walk(self, host: Host) -> None:
        scripted(host, (200, {"rows": [ROW], "next": "a"}))
        with pytest.raises(errors.NotNow, match="answer_repeats"):
            ids(small(host, {"pages": {"kind": "cursor", "at": "next", "query": "after"}}))

    def test_a_page_that_was_promised_and_is_not_there_is_no_end(self, host: Host) -> None:
        scripted(host, (200, {"rows": [ROW], "next": "a"}), (404, {}))
        pages = {"kind": "cursor", "at": "next", "query": "after"}
        with pytest.raises(errors.NotNow, match="answer_incomplete"):
            ids(small(host, {"pages": pages, "missing": [404]}))

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_search_whose_own_path_is_gone_is_an_error_and_not_nobody(
        self, host: Host, status: int
    ) -> None:
        scripted(host, (status, {}))
        with pytest.raises(errors.Undeliverable, match="http_refused"):
            ids(small(host, {}))
        assert ids(small(host, {"path": "/people/{value}", "query": {}})) == []
        assert ids(small(host, {"missing": [status]})) == []

    def test_fewer_rows_than_the_answer_counts_is_an_error(self, host: Host) -> None:
        scripted(host, (200, {"rows": [ROW], "total": 2}))
        with pytest.raises(errors.NotNow, match="answer_incomplete"):
            ids(small(host, {"total": "total"}))

    @pytest.mark.parametrize(
        "answer", [{"rows": [{"email": "dana@shop.example"}]}, {"rows": ["x"]}, {"items": []}, [], "x"]
    )
    def test_an_answer_of_another_shape_is_an_error_and_not_an_empty_answer(
        self, host: Host, answer: Any
    ) -> None:
        scripted(host, (200, answer))
        with pytest.raises(errors.NotNow, match="answer_unreadable"):
            ids(small(host, {}))

    def test_rows_that_nobody_asked_for_are_dropped(self, host: Host) -> None:
        scripted(host, (200, {"rows": [ROW, {"id": 2, "email": "omar@shop.example"}]}))
        assert ids(small(host, {})) == [1]


class TestOneHost:
    def test_a_redirect_is_not_followed(self, host: Host) -> None:
        scripted(host, (302, None, {"Location": f"{host.base}/elsewhere"}))
        with pytest.raises(errors.Undeliverable, match="http_redirects"):
            ids(small(host, {}))
        assert len(host.calls) == 1

    @pytest.mark.parametrize(
        "base",
        ["http://shop.example", "ftp://shop.example", "https://user:word@shop.example", "shop.example"],
    )
    def test_only_encrypted_addresses_are_taken_beside_this_machine(self, base: str) -> None:
        with pytest.raises(errors.BadInput):
            Wire(base)

    def test_a_value_cannot_lead_the_path_elsewhere(self) -> None:
        made = http_declared.filled("/people/{value}", {"value": "../keys?all=1#x"}, escape=True)
        assert made == "/people/..%2Fkeys%3Fall%3D1%23x"

    @pytest.mark.parametrize("value", ["", ".", "..", None])
    def test_a_value_that_would_name_what_stands_above_is_refused(self, host: Host, value: Any) -> None:
        with pytest.raises(errors.Undeliverable, match="http_template"):
            http_declared.filled("/people/{value}", {"value": value}, escape=True)
        rows = small(
            host, {}, collections={"people": {"delete": {"method": "DELETE", "path": "/people/{key.id}"}}}
        )
        if value is not None:
            with pytest.raises(errors.Undeliverable, match="http_template"):
                rows.delete(SMALL, [{"id": value}])
        assert "seen" not in host.state

    def test_no_log_holds_an_address_that_was_called(
        self, host: Host, caplog: pytest.LogCaptureFixture
    ) -> None:
        scripted(host, (200, {"rows": [ROW]}))
        with caplog.at_level(logging.DEBUG):
            ids(small(host, {}))
        assert "dana" not in caplog.text


class TestLimits:
    def test_a_short_wait_is_waited_for_and_the_call_made_again(self, host: Host) -> None:
        waited: list[float] = []
        scripted(host, (429, None, {"Retry-After": "2"}), (200, {}))
        wire = Wire(host.base, sleep=waited.append)
        assert wire.send(Call(method="POST", path="/x", repeatable=False)).status == 200
        assert waited == [2]

    def test_a_long_wait_is_told_with_its_seconds(self, host: Host) -> None:
        scripted(host, (429, None, {"Retry-After": "3600"}))
        with pytest.raises(errors.NotNow, match="http_rate_limited") as refused:
            Wire(host.base, sleep=lambda _: pytest.fail("waited")).send(Call(method="GET", path="/x"))
        assert refused.value.after == 3600

    def test_a_wait_until_a_date_counts_from_the_answers_own_date(self, host: Host) -> None:
        headers = {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}
        scripted(host, (503, None, headers))
        with pytest.raises(errors.NotNow) as refused:
            Wire(host.base).send(Call(method="GET", path="/x"))
        assert refused.value.after > 10**9

    @pytest.mark.parametrize(("repeatable", "calls"), [(True, 3), (False, 1)])
    def test_only_what_may_be_repeated_is_repeated_after_a_5xx(
        self, host: Host, repeatable: bool, calls: int
    ) -> None:
        scripted(host, (502, None))
        with pytest.raises(errors.NotNow, match="http_502"):
            Wire(host.base, sleep=lambda _: None).send(Call(method="POST", path="/x", repeatable=repeatable))
        assert len(host.calls) == calls

    def test_an_answer_without_end_is_cut(self, host: Host) -> None:
        scripted(host, (200, {"rows": ["x" * 10_000]}))
        with pytest.raises(errors.NotNow, match="answer_too_large"):
            Wire(host.base, longest=1_000).send(Call(method="GET", path="/x"))


class TestWhoWeAre:
    def test_a_token_is_fetched_once_used_until_it_ends_and_fetched_again(self, host: Host) -> None:
        now = [0.0]
        token = {"access_token": "t1", "expires_in": 300}
        scripted(host, (200, token), *[(200, {"rows": [ROW]})] * 2, (200, token), (200, {"rows": [ROW]}))
        auth = {"kind": "oauth2", "client_id": "amana", "secret_env": "SHOP_KEY", "token_path": "/token"}
        settings = http_declared.read(
            {"base": host.base, "auth": auth, "collections": {"people": {"find": [FIND]}}}
        )
        rows = rows_of(settings)
        rows._clock = lambda: now[0]
        assert ids(rows) == ids(rows) == [1]
        now[0] = 250.0
        assert ids(rows) == [1]
        assert [path.partition("?")[0] for _, path in host.calls] == [
            "/token",
            "/people",
            "/people",
            "/token",
            "/people",
        ]
        assert host.state["seen"][1][2]["Authorization"] == "Bearer t1"

    def test_a_token_that_was_taken_back_is_fetched_again_once(self, host: Host) -> None:
        token = {"access_token": "t1"}
        scripted(host, (200, token), (401, None), (200, token), (200, {"rows": [ROW]}))
        auth = {"kind": "oauth2", "client_id": "amana", "secret_env": "SHOP_KEY"}
        rows = rows_of(
            http_declared.read({"base": host.base, "auth": auth, "collections": {"people": {"find": [FIND]}}})
        )
        assert ids(rows) == [1]

    def test_a_missing_secret_is_told_by_its_name(self, host: Host) -> None:
        rows = http.open_http(declared(host.base), Path(), {})
        with pytest.raises(errors.Undeliverable, match="secret_missing") as refused:
            list(rows.find(PEOPLE, [EMAIL]))
        assert refused.value.got == "SHOP_KEY"

    def test_a_field_that_cannot_be_searched_is_an_error(self, host: Host) -> None:
        rows = small(host, {})
        with pytest.raises(errors.Undeliverable, match="http_no_search"):
            list(rows.find(SMALL, [Match(path="id", values=(1,))]))

    def test_an_unknown_word_in_the_declaration_is_named(self) -> None:
        system = System(name="shop", kind="http", settings={"base": "https://shop.example", "colections": {}})
        with pytest.raises(errors.BadInput, match="colections"):
            catalogue.open_rows(system, Path(), {})


CONTACTS = Collection(
    dataset="crm",
    name="contacts",
    fields=(
        Field(path="id", type=DataType.STRING, primary_key=True),
        Field(path="properties", type=DataType.OBJECT),
        Field(path="properties.email", type=DataType.STRING),
        Field(path="properties.firstname", type=DataType.STRING),
    ),
)
SUBSCRIPTIONS = Collection(
    dataset="crm",
    name="subscriptions",
    fields=(
        Field(path="email", type=DataType.STRING, primary_key=True),
        Field(path="subscriptionId", type=DataType.INTEGER, primary_key=True),
        Field(path="status", type=DataType.STRING),
    ),
)


@pytest.fixture
def hubspot() -> Iterator[tuple[http.Http, Host]]:
    host = Host(HubSpot)
    states = [{"subscriptionId": 7, "status": "SUBSCRIBED"}, {"subscriptionId": 8, "status": "NOT_SPECIFIED"}]
    host.state = {
        "contacts": {n: contact(n, e) for n, e in (("51", "Dana@shop.example"), ("52", "dana@shop.example"))},
        "statuses": {"dana@shop.example": states},
    }
    with host.running():
        settings = {"vendor": "hubspot", "base": host.base, "auth": {"secret_env": "HUBSPOT"}}
        rows = catalogue.open_rows(
            System(name="crm", kind="http", settings=settings), Path(), {"HUBSPOT": "pat-test"}
        )
        assert isinstance(rows, http.Http)
        yield rows, host
        rows.close()


class TestHubSpot:
    def test_contacts_are_found_changed_and_deleted_for_good(self, hubspot: tuple[http.Http, Host]) -> None:
        rows, host = hubspot
        rows.check([CONTACTS, SUBSCRIPTIONS])
        match = Match(path="properties.email", values=("DANA@shop.example",), fold=True)
        found = list(rows.find(CONTACTS, [match]))
        assert [row["id"] for row in found] == ["51", "52"]
        assert found[0]["properties"] == {"email": "Dana@shop.example", "firstname": "Dana"}
        change = Change(key={"id": "51"}, values={"properties.firstname": None})
        assert rows.change(CONTACTS, [change]) == 1
        assert host.state["contacts"]["51"]["properties"]["firstname"] == ""
        assert rows.delete(CONTACTS, [{"id": "51"}, {"id": "52"}]) == 2
        assert host.state["contacts"] == {}
        assert list(rows.find(CONTACTS, [match])) == []

    def test_a_subscription_is_ended(self, hubspot: tuple[http.Http, Host]) -> None:
        rows, host = hubspot
        [first, _] = rows.find(SUBSCRIPTIONS, [Match(path="email", values=("dana@shop.example",))])
        assert first == {"email": "dana@shop.example", "subscriptionId": 7, "status": "SUBSCRIBED"}
        key = {"email": "dana@shop.example", "subscriptionId": 7}
        assert rows.change(SUBSCRIPTIONS, [Change(key=key, values={"status": "UNSUBSCRIBED"})]) == 1
        assert host.state["statuses"]["dana@shop.example"][0]["status"] == "UNSUBSCRIBED"
        with pytest.raises(errors.Undeliverable, match="http_no_delete"):
            rows.delete(SUBSCRIPTIONS, [key])


class Mailchimp(Pages):
    """As much of Mailchimp's documented interface as the declaration uses."""

    def answer(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        members = self.server.state["members"]
        if not self.headers.get("Authorization", "").startswith("Basic "):
            self.say(401, {"title": "API Key Missing"})
        elif parts == ["lists", "a1b2"]:
            self.say(200, {"id": "a1b2"})
        elif parts[:3] != ["lists", "a1b2", "members"] or parts[3] not in members:
            self.say(404, {"title": "Resource Not Found"})
        elif parts[4:] == ["actions", "delete-permanent"]:
            del members[parts[3]]
            self.say(204)
        else:
            if self.command == "PATCH":
                members[parts[3]]["merge_fields"] |= body.pop("merge_fields", {})
                members[parts[3]] |= body
            self.say(200, members[parts[3]])


MEMBERS = Collection(
    dataset="news",
    name="members",
    fields=(
        Field(path="id", type=DataType.STRING, primary_key=True),
        Field(path="email_address", type=DataType.STRING),
        Field(path="status", type=DataType.STRING),
        Field(path="merge_fields", type=DataType.OBJECT),
        Field(path="merge_fields.FNAME", type=DataType.STRING),
    ),
)


def test_a_wrong_list_of_mailchimps_is_seen_by_the_check() -> None:
    host = Host(Mailchimp)
    host.state = {"members": {}}
    settings = {
        "vendor": "mailchimp",
        "base": host.base,
        "values": {"list_id": "mistyped"},
        "auth": {"secret_env": "KEY"},
    }
    with host.running():
        rows = catalogue.open_rows(
            System(name="news", kind="http", settings=settings), Path(), {"KEY": "k-us1"}
        )
        with pytest.raises(errors.Undeliverable, match="http_refused"):
            rows.check([MEMBERS])


def test_mailchimps_members_are_found_by_their_hash_changed_and_deleted_for_good() -> None:
    name = hashlib.md5(b"dana@shop.example", usedforsecurity=False).hexdigest()
    member = {
        "id": name,
        "email_address": "Dana@shop.example",
        "status": "subscribed",
        "merge_fields": {"FNAME": "Dana"},
    }
    host = Host(Mailchimp)
    host.state = {"members": {name: member}}
    settings = {
        "vendor": "mailchimp",
        "base": host.base,
        "values": {"list_id": "a1b2"},
        "auth": {"secret_env": "KEY"},
    }
    with host.running():
        rows = catalogue.open_rows(
            System(name="news", kind="http", settings=settings), Path(), {"KEY": "k-us1"}
        )
        rows.check([MEMBERS])
        match = Match(path="email_address", values=("DANA@shop.example", "nobody@shop.example"), fold=True)
        [row] = rows.find(MEMBERS, [match])
        assert row["merge_fields"] == {"FNAME": "Dana"}
        changes = {"merge_fields.FNAME": None, "status": "unsubscribed"}
        assert rows.change(MEMBERS, [Change(key={"id": name}, values=changes)]) == 1
        assert (member["merge_fields"], member["status"]) == ({"FNAME": ""}, "unsubscribed")
        assert rows.delete(MEMBERS, [{"id": name}]) == 1
        assert rows.delete(MEMBERS, [{"id": name}]) == 0
        rows.close()


@pytest.mark.parametrize("vendor", http_declared.vendors())
def test_every_vendors_declaration_can_be_read(vendor: str) -> None:
    values = {"server": "us1", "list_id": "a1"}
    found = http_declared.read({"vendor": vendor, "values": values})
    assert found.base.startswith("https://")
    assert found.collections


def test_a_wrong_key_is_denied_and_told_without_values() -> None:
    host = Host(Shop)
    host.state = {"people": {("1",): EVERYBODY[0]}}
    with host.running():
        rows = http.open_http(declared(host.base), Path(), {"SHOP_KEY": "another"})
        with pytest.raises(errors.Undeliverable, match="http_denied") as refused:
            list(rows.find(PEOPLE, [EMAIL]))
        holds_no_value(refused.value)
        rows.close()
