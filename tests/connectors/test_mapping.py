"""A mapping says what columns mean; what it does not say is not read into the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from amana import errors
from amana.connectors import mapping
from amana.connectors.tables import Source
from amana.core.statements import Interval, PersonRow, Reject, Statement
from amana.core.vocabulary import Channel, Proof, Status

Write = Callable[..., Path]
NOW = 1_760_000_000
DAY = Interval(lo=1714510800, hi=1714597199)  # 2024-05-01 in Jerusalem

NEWSLETTER = """
ignore = ["Notes"]
[source]
zone = "Asia/Jerusalem"
dates = ["%d/%m/%Y"]
[person]
external_id = { template = "{Customer ID}@crm.example" }
email = "E-mail"
phone = "Mobile"
phone_country = { constant = "IL" }
[fields]
city = "Town"
language = { column = "Language", values = { Hebrew = "he", English = "en" } }
residence = { constant = "IL" }
[[permission]]
purpose = "newsletter"
channel = "email"
status = { column = "News", given = ["yes"], refused = ["no"], withdrawn = ["left"], unknown = ["maybe"] }
when = "News date"
proof = ["channel_named", "sender_named"]
proof_if = { confirmed = [{ column = "DOI date", is = "not empty" }] }
notice = "news-form@3"
evidence = "Form"
[[blocked]]
channel = "email"
reason = "bounce_hard"
where = [{ column = "Bounces", is = ">=", value = 3 }]
"""
HEADER = "Customer ID,E-mail,Mobile,Town,Language,News,News date,DOI date,Form,Bounces,Notes\n"
DANA = "17, dana@example.com ,050-234-5678,Haifa,hebrew,Yes,01/05/2024,02/05/2024,form-7,0,private\n"


def read(path: Path, text: str = NEWSLETTER) -> list[PersonRow | Reject]:
    loaded = mapping.load(text)
    return list(mapping.read(Source(path, loaded.layout()), loaded, NOW))


def people(found: list[PersonRow | Reject]) -> list[PersonRow]:
    return [each for each in found if isinstance(each, PersonRow)]


def rejects(found: list[PersonRow | Reject]) -> list[tuple[int, str, str, bool]]:
    return [
        (each.line, each.column, each.reason, each.whole_row) for each in found if isinstance(each, Reject)
    ]


def test_a_row_becomes_a_person_with_what_it_says(write: Write) -> None:
    assert read(write(HEADER + DANA)) == [
        PersonRow(
            part="",
            line=2,
            external_id="17@crm.example",
            email="dana@example.com",
            phone="050-234-5678",
            phone_country="IL",
            fields={"city": "Haifa", "language": "he", "residence": "IL"},
            statements=(
                Statement(
                    status=Status.GIVEN,
                    purpose="newsletter",
                    channel=Channel.EMAIL,
                    occurred=DAY,
                    proof=Proof.CHANNEL_NAMED | Proof.SENDER_NAMED | Proof.CONFIRMED,
                    reason="export_status",
                    notice="news-form@3",
                    evidence="form-7",
                ),
            ),
        )
    ]


def test_proof_with_a_condition_needs_its_condition(write: Write) -> None:
    (person,) = people(read(write(HEADER + DANA.replace("02/05/2024", ""))))
    assert person.statements[0].proof == Proof.CHANNEL_NAMED | Proof.SENDER_NAMED


@pytest.mark.parametrize("word", ["subscribed", "1", "y", "Yes!", "ja"])
def test_a_word_in_no_list_is_never_a_permission(write: Write, word: str) -> None:
    found = read(write(HEADER + DANA.replace("Yes", word)))
    assert rejects(found) == [(2, "News", "unknown_status", False)]
    assert people(found)[0].statements == ()


def test_a_word_in_no_list_is_no_matter_in_a_row_that_the_conditions_leave_out(write: Write) -> None:
    only = NEWSLETTER.replace(
        'when = "News date"',
        'when = "News date"\nwhere = [{ column = "News", is = "!=", value = "bounced" }]',
    )
    left_out, concerned = (HEADER + DANA.replace("Yes", word) for word in ("bounced", "ja"))
    assert rejects(read(write(left_out), only)) == []
    assert people(read(write(left_out), only))[0].statements == ()
    assert rejects(read(write(concerned), only)) == [(2, "News", "unknown_status", False)]


def test_an_empty_status_says_nothing(write: Write) -> None:
    found = read(write(HEADER + DANA.replace("Yes", " ")))
    assert (rejects(found), people(found)[0].statements) == ([], ())


@pytest.mark.parametrize(
    ("word", "status"), [("no", Status.REFUSED), ("LEFT", Status.WITHDRAWN), ("maybe", Status.UNKNOWN)]
)
def test_listed_words_mean_what_their_list_says(write: Write, word: str, status: Status) -> None:
    (person,) = people(read(write(HEADER + DANA.replace("Yes", word))))
    assert person.statements[0].status is status


def test_a_refusal_carries_no_proof_and_survives_a_bad_date(write: Write) -> None:
    found = read(write(HEADER + DANA.replace("Yes", "left").replace("01/05/2024", "May 1st")))
    (said,) = people(found)[0].statements
    assert (said.status, said.occurred, said.proof) == (Status.WITHDRAWN, None, Proof(0))
    assert rejects(found) == [(2, "News date", "bad_date", False)]


@pytest.mark.parametrize("date", ["", "32/05/2024", "soon"])
def test_a_grant_without_a_readable_date_is_unknown(write: Write, date: str) -> None:
    (person,) = people(read(write(HEADER + DANA.replace("01/05/2024", date))))
    assert person.statements[0].status is Status.UNKNOWN


def test_a_grant_without_proof_is_unknown(write: Write) -> None:
    text = NEWSLETTER.replace('proof = ["channel_named", "sender_named"]\n', "")
    (person,) = people(read(write(HEADER + DANA.replace("02/05/2024", "")), text))
    assert person.statements[0].status is Status.UNKNOWN


def test_an_address_in_the_evidence_is_not_taken(write: Write) -> None:
    found = read(write(HEADER + DANA.replace("form-7", "sent to dana@example.com")))
    assert people(found)[0].statements[0].evidence == ""
    assert rejects(found) == [(2, "Form", "personal_value", False)]


def test_a_blocked_address_is_said_beside_the_permission(write: Write) -> None:
    (person,) = people(read(write(HEADER + DANA.replace(",0,private", ",12,private"))))
    assert person.statements[1] == Statement(
        status=Status.UNKNOWN, channel=Channel.EMAIL, reason="bounce_hard", point_blocked=True
    )


def test_a_number_that_is_none_is_named_and_blocks_nothing(write: Write) -> None:
    found = read(write(HEADER + DANA.replace(",0,private", ",often,private")))
    assert rejects(found) == [(2, "Bounces", "bad_number", False)]
    assert len(people(found)[0].statements) == 1


def test_a_value_outside_its_map_is_left_out_and_named(write: Write) -> None:
    found = read(write(HEADER + DANA.replace("hebrew", "Klingon")))
    assert rejects(found) == [(2, "Language", "unknown_value", False)]
    assert people(found)[0].fields == {"city": "Haifa", "residence": "IL"}


def test_a_template_with_an_empty_column_makes_no_id(write: Write) -> None:
    (person,) = people(read(write(HEADER + DANA.replace("17,", ","))))
    assert person.external_id == ""


def test_a_row_without_any_identifier_is_rejected(write: Write) -> None:
    nobody = ",,,Haifa,,left,01/05/2024,,,0,\n"
    assert read(write(HEADER + nobody)) == [Reject(part="", line=2, column="", reason="no_identity")]


def test_a_column_without_a_purpose_stops_the_import_and_prints_the_line_to_add(write: Write) -> None:
    path = write(
        HEADER.replace("Notes", "Notes,Shoe size,Blood type") + DANA.replace("private", "private,42,A")
    )
    with pytest.raises(errors.UnregisteredField) as caught:
        read(path)
    assert 'ignore = ["Shoe size", "Blood type"]' in str(caught.value)


def test_a_missing_column_is_named(write: Write) -> None:
    with pytest.raises(errors.BadInput, match="“E-mail”"):
        read(write(HEADER.replace("E-mail", "Mail") + DANA))


def test_a_file_without_a_header_does_not_leak_its_first_person(write: Write) -> None:
    with pytest.raises(errors.BadInput) as caught:
        read(write(DANA + DANA.replace("17", "18")))
    assert "dana@" not in str(caught.value)
    assert "234-5678" not in str(caught.value)


def test_what_the_mapping_speaks_of_can_be_asked() -> None:
    loaded = mapping.load(NEWSLETTER)
    assert loaded.field_names() == ("city", "language", "residence")
    assert loaded.purposes() == {"newsletter"}
    assert loaded.columns() == set(HEADER.strip().split(",")) - {"Notes"}
    assert loaded.unread(("Town", "Notes", "Shoe size")) == ["Shoe size"]


def test_an_import_resumes_at_any_line(write: Write) -> None:
    path = write(HEADER + DANA + "x\n" + DANA.replace("17", "18"))
    loaded = mapping.load(NEWSLETTER)
    source = Source(path, loaded.layout())
    found = list(mapping.read(source, loaded, NOW))
    for line in range(6):
        resumed = list(mapping.read(source, loaded, NOW, ("", line)))
        assert resumed == [each for each in found if each.line >= line]


def test_resuming_in_an_unknown_part_is_refused(write: Write) -> None:
    loaded = mapping.load(NEWSLETTER)
    with pytest.raises(errors.NotFound):
        mapping.read(Source(write(HEADER + DANA), loaded.layout()), loaded, NOW, ("other.csv", 2))


SOFT = """
[source]
zone = "UTC"
[person]
external_id = { template = "row-{line}" }
[[relationship]]
purpose = "offers"
channel = "email"
when = "import"
proof = ["own_collection", "sale_context", "similar_offer", "opt_out_at_collection", "opt_out_in_message"]
where = [{ column = "recency", is = "<=", value = 6 }, { column = "country", is = "!=", value = "RU" }]
"""


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ("6,US", True),
        ("6.0,us", True),
        ("7,US", False),
        ("10,US", False),
        ("3,RU", False),
        ("3,ru", False),
        (",US", False),
        ("3,", False),
        ("many,US", False),
        ("nan,US", False),
    ],
)
def test_another_basis_is_shown_only_where_its_conditions_hold(write: Write, row: str, shown: bool) -> None:
    (person,) = people(read(write(f"recency,country\n{row}\n"), SOFT))
    assert person.external_id == "row-2"
    assert bool(person.statements) is shown


def test_another_basis_is_no_consent(write: Write) -> None:
    (person,) = people(read(write("recency,country\n1,US\n"), SOFT))
    (said,) = person.statements
    assert (said.relationship, said.status, said.reason) == (True, Status.UNKNOWN, "sale")
    assert said.occurred == Interval(lo=NOW, hi=NOW)


def test_a_damaged_cell_allows_nothing(write: Write) -> None:
    rows = b"1,US\n" * 20_000
    found = read(write(b"recency,country\n" + rows + b"1,\xff\xfe\n"), SOFT)
    assert people(found)[-1].statements == ()
    assert rejects(found) == [(20_002, "country", "encoding", False)]


@pytest.mark.parametrize(
    ("condition", "cell", "holds"),
    [
        ('is = "=", value = "yes"', "YES", True),
        ('is = "=", value = 1', "1.00", True),
        ('is = "in", value = ["a", "b"]', "B", True),
        ('is = "in", value = ["a", "b"]', "c", False),
        ('is = "in", value = ["a", "b"]', "", False),
        ('is = "empty"', " ", True),
        ('is = "empty"', "x", False),
        ('is = "not empty"', "x", True),
        ('is = ">", value = "2024-01-01"', "2024-02-01", True),
        ('is = ">=", value = 2.5', "2.50", True),
        ('is = "<", value = -1', "-2", True),
        ('is = "!=", value = "yes"', "", True),  # a refusal: nobody said yes
    ],
)
def test_conditions_compare_texts_and_numbers(write: Write, condition: str, cell: str, holds: bool) -> None:
    text = f"""
[person]
external_id = "id"
[[permission]]
status = "withdrawn"
where = [{{ column = "x", {condition} }}]
"""
    (person,) = people(read(write(f"id,x\n7,{cell}\n"), text))
    assert bool(person.statements) is holds


def test_a_refusal_may_be_of_everything(write: Write) -> None:
    (person,) = people(
        read(write("id\n7\n"), '[person]\nexternal_id = "id"\n[[permission]]\nstatus = "objected"\n')
    )
    assert person.statements == (Statement(status=Status.OBJECTED, reason="export_status"),)


def test_typed_dates_of_a_workbook_are_read_beside_declared_formats(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["id", "status", "when"])
    book.active["A2"], book.active["B2"] = 5, "yes"
    book.active["C2"].value = __import__("datetime").date(2024, 5, 1)
    book.save(path)
    text = """
[source]
zone = "Asia/Jerusalem"
dates = ["%d/%m/%Y"]
[person]
external_id = "id"
[[permission]]
purpose = "news"
channel = "sms"
status = { column = "status", given = ["yes"] }
when = "when"
proof = ["written"]
"""
    (person,) = people(read(path, text))
    assert (person.part, person.statements[0].occurred) == ("Sheet", DAY)


def test_parts_are_chosen_by_name_and_line_ids_do_not_repeat(write_zip: Write) -> None:
    path = write_zip({"eu/a.csv": "id\n1\n", "eu/b.csv": "id\n2\n", "us/c.csv": "other\n3\n"})
    chosen = '[source]\nparts = ["eu/*"]\n[person]\nexternal_id = '
    assert [each.external_id for each in people(read(path, chosen + '"id"'))] == ["1", "2"]
    repeating = 'ignore = ["id"]\n' + chosen + '{ template = "row-{line}" }'
    with pytest.raises(errors.BadInput, match="repeats"):
        read(path, repeating)
    distinct = people(read(path, repeating.replace("row-", "{part}-")))
    assert [each.external_id for each in distinct] == ["eu/a.csv-2", "eu/b.csv-2"]


def test_a_pattern_that_matches_no_part_is_refused(write_zip: Write) -> None:
    with pytest.raises(errors.BadInput, match="No part"):
        read(write_zip({"a.csv": "id\n1\n"}), '[source]\nparts = ["b*"]\n[person]\nexternal_id = "id"')


PERSON = '[person]\nemail = "e"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[person", "cannot be read"),
        ("", "person"),
        ("[person]\n", "external_id, email or phone"),
        (PERSON + 'emial = "x"\n', "write `email`"),
        (PERSON + "[fields]\nx = { column = 'a', constant = 'b' }\n", "one of column, constant or template"),
        (PERSON + "[fields]\nx = { template = '{}' }\n", "template"),
        (PERSON + "[fields]\nx = { template = '{a' }\n", "template"),
        (PERSON + "[[permission]]\nstatus = 'given'\nwhen = 'import'\n", "only refusals"),
        (PERSON + "[[permission]]\npurpose = 'n'\nchannel = 'email'\nstatus = 'given'\n", "when is missing"),
        (PERSON + "[[permission]]\nstatus = 'subscribed'\n", "subscribed"),
        (
            PERSON + "[[permission]]\nstatus = { column = 's', given = ['1'], withdrawn = [' 1'] }\n",
            "more than one",
        ),
        (PERSON + "[[permission]]\nstatus = { column = 's', withdrawn = [''] }\n", "empty cell"),
        (PERSON + "[[permission]]\nstatus = { column = 's' }\n", "needs a list"),
        (
            PERSON
            + "[[permission]]\npurpose='n'\nchannel='email'\nstatus='given'\nwhen='import'\nproof=['confirmd']\n",
            "perhaps confirmed",
        ),
        (PERSON + "[[blocked]]\nchannel='email'\nreason='complaint'\nwhere=[]\n", "every row"),
        (
            PERSON + "[[permission]]\nstatus='refused'\nwhere=[{column='a', is='<', value='6'}]\n",
            "without quotes",
        ),
        (PERSON + "[[permission]]\nstatus='refused'\nwhere=[{column='a', is='~', value='6'}]\n", "~"),
        (
            PERSON + "[[permission]]\nstatus='refused'\nwhere=[{column='a', is='in', value='6'}]\n",
            "list of texts",
        ),
        (PERSON + "[[permission]]\nstatus='refused'\nwhen='left on'\n", "time zone"),
        ("[source]\nzone = 'Nowhere'\n" + PERSON, "Nowhere"),
        ("[source]\ndates = ['%d.%m']\n" + PERSON, "whole day"),
    ],
)
def test_a_mistake_in_a_mapping_is_explained(text: str, message: str) -> None:
    with pytest.raises(errors.BadInput, match=message):
        mapping.load(text)
