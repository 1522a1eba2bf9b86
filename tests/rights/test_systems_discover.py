"""A draft of a database's dataset: keys, references and personal columns are found, and no value leaves."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import phonenumbers
import pytest

from amana import errors
from amana.cli.main import main
from amana.connectors.systems import detectors, discover
from amana.connectors.systems.sql import Settings
from amana.core import datasets
from amana.core.data_map import Dataset, Field, Place

COUNTRIES = ("GB", "IL", "TH", "RU", "EG", "DE", "FR", "US")
NUMBERS = [
    phonenumbers.format_number(phonenumbers.example_number(code), phonenumbers.PhoneNumberFormat.E164)
    for code in COUNTRIES
]
IBANS = ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR1420041010050500013M02606"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A database whose columns do not always say what they hold."""
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.executescript(
            """CREATE TABLE customers (id INTEGER PRIMARY KEY, contact VARCHAR(120), handy TEXT, c7 TEXT, last_ip TEXT,
               firstName TEXT, birth_date DATE, created DATE, שם_משפחה TEXT, фамилия TEXT, note TEXT, score REAL);
            CREATE TABLE orders (no INTEGER, line INTEGER, customer_id INTEGER REFERENCES customers (id), iban TEXT,
               sku TEXT, PRIMARY KEY (no, line));
            CREATE TABLE clicks (at TEXT, address TEXT)"""
        )
        for number, phone in enumerate(NUMBERS):
            row = (number, f"nok{number}@shop.example", phone, f"N-{number}", f"192.0.2.{number}", "Nok")
            more = ("1990-01-01", "2024-01-01", "Cohen", "Ivanova", "likes tea", 0.5)
            db.execute(f"INSERT INTO customers VALUES ({','.join('?' * 12)})", row + more)
            order = (number, 1, number, IBANS[number % 3], f"sku-{number}")
            db.execute("INSERT INTO orders VALUES (?,?,?,?,?)", order)
    return tmp_path


def drafted(folder: Path) -> tuple[str, Dataset]:
    """The draft, and what the data map reads from it."""
    text = discover.written("shop", discover.tables(Settings(url="sqlite:///shop.db"), folder, {}))
    [found], problems = datasets.read(text, "draft.yml")
    assert problems == ()
    return text, found


def fields(found: Dataset, name: str) -> dict[str, Field]:
    [collection] = [one for one in found.collections if one.name == name]
    return {field.path: field for field in collection.fields}


def test_the_data_map_reads_the_draft_with_its_keys_types_and_references(shop: Path) -> None:
    _, found = drafted(shop)
    orders = fields(found, "orders")
    assert [name for name, field in orders.items() if field.primary_key] == ["no", "line"]
    [reference] = orders["customer_id"].references
    assert reference.to == Place("shop", "customers", "id")
    assert orders["no"].type.value == "integer"
    assert fields(found, "customers")["contact"].length == 120


@pytest.mark.parametrize(
    ("column", "category", "identity"),
    [
        ("contact", "user.contact.email", "email"),
        ("handy", "user.contact.phone_number", "phone_number"),
        ("last_ip", "user.device.ip_address", ""),
        ("firstName", "user.name", ""),
        ("שם_משפחה", "user.name", ""),
        ("фамилия", "user.name", ""),
        ("birth_date", "user.demographic.date_of_birth", ""),
    ],
)
def test_personal_columns_are_found_by_their_values_or_their_names(
    shop: Path, column: str, category: str, identity: str
) -> None:
    _, found = drafted(shop)
    field = fields(found, "customers")[column]
    assert (field.categories, field.identity) == ((category,), identity)


@pytest.mark.parametrize("column", ["id", "c7", "created", "note", "score"])
def test_other_columns_are_left_for_a_person_to_judge(shop: Path, column: str) -> None:
    _, found = drafted(shop)
    assert fields(found, "customers")[column].categories == ()


def test_a_table_without_a_key_is_not_walked(shop: Path) -> None:
    _, found = drafted(shop)
    assert [one.skip for one in found.collections if one.name == "clicks"] == [True]


def test_every_finding_says_how_sure_it_is_and_no_value_is_in_the_draft(shop: Path) -> None:
    text, _ = drafted(shop)
    assert "# high: 100% of 8 values" in text
    assert "# low: the name alone" in text
    for value in ("nok1", NUMBERS[0], "192.0.2", "Nok", "Cohen", "Ivanova", "WEST", "likes tea", "1990"):
        assert value not in text


@pytest.mark.parametrize("iban", IBANS)
def test_an_account_is_known_by_its_check_digits(iban: str) -> None:
    assert detectors.is_iban(iban)
    assert not detectors.is_iban(iban[:-1] + str((int(iban[-1]) + 1) % 10))


def test_a_number_without_a_prefix_needs_a_country() -> None:
    national = phonenumbers.format_number(
        phonenumbers.example_number("GB"), phonenumbers.PhoneNumberFormat.NATIONAL
    )
    assert not detectors.is_phone(national, "")
    assert detectors.is_phone(national, "GB")
    assert detectors.is_phone(national, "UK")
    assert not detectors.is_phone("2024-05-01", "GB")


def test_a_few_addresses_among_other_texts_are_no_address_column() -> None:
    values = ["dana@shop.example", "a", "b", "c"]
    assert detectors.finding("c7", values) is None
    assert detectors.finding("email", ["dana@shop.example", "a"]) is not None


PEOPLE = {
    "en": "Maria Lindqvist|Tom Okafor|Ines Duarte|Sam Whitfield|Lucy Hart|Dan Miller|Arun Shah|Mary-Jane O'Neill|"
    "Peter van der Berg|J. R. Holloway|Anna Kowalska|Hart, Lucy",
    "he": "נועה לוי|דנה כהן|איתי מזרחי|משה פרץ|יעל אזולאי|דוד ביטון|תמר שקד|עומר הראל|שירה גבאי|אורי טל",
    "ar": "محمد العلي|فاطمة حسن|أحمد منصور|ليلى حداد|خالد الخطيب|مريم صالح|يوسف النجار|نور عباس|علي درويش|هدى سليم",
    "th": "สมชาย ใจดี|มาลี ศรีสุข|ศิริพร ทองดี|วิชัย แก้วใส|สุดา บุญมา|กัญญา วงศ์ไทย|ประเสริฐ มีสุข|อาทิตย์ ดีงาม|"
    "สมหญิง รักไทย|นิรันดร์ พงษ์",
    "ru": "Анна Смирнова|Иван Петров|Ольга Кузнецова|Сергей Волков|Елена Орлова|Дмитрий Зайцев|Мария Белова|"
    "Павел Соколов|Ирина Лебедева|Алексей Козлов",
}
COLUMNS = (
    "name", "full_name", "invoice_name", "contact", "שם", "الاسم", "اسم العميل", "ชื่อ", "ลูกค้า", "имя", "получатель"
)  # fmt: skip  # one list
THINGS = {
    "products": "Walnut Desk Lamp|Garden Chair|Oak Table|Blue Cotton Shirt|Rose Tea|Copper Kettle|Wool Blanket|"
    "Bread Knife|Linen Napkin|Glass Vase|Clay Pot|Steel Pan|Paper Lantern|Silk Scarf|Iron Hook",
    "cities": "New York|San Francisco|Tel Aviv|Chiang Mai|Los Angeles|Saint Petersburg|Nizhny Novgorod|Buenos Aires|"
    "Hong Kong|Berlin|Munich|Haifa|Leeds|Porto|Dubai",
    "companies": "Orchard Street Ltd|Tidewater Books|Northern Light Foods|Blue River Trading|Green Hill Farms|"
    "Old Mill Bakery|Harbour View Hotels|Silver Birch Studio|Golden Gate Imports|Red Kite Travel",
    "states": "New order|In transit|Delivered|Paid in full|Sent back|Waiting for stock|Picked up|On hold|Cancelled|Ready",
    "codes": "A-1001|B-2002|C-3003|D-4004|E-5005|F-6006|G-7007|H-8008|I-9009|J-1010",
}


@pytest.mark.parametrize("language", PEOPLE)
@pytest.mark.parametrize("column", COLUMNS)
def test_names_of_people_are_found_by_their_shape_where_the_column_may_mean_a_person(
    column: str, language: str
) -> None:
    found = detectors.finding(column, PEOPLE[language].split("|"), table="orders")
    assert found is not None
    assert (found.category, found.identity, found.share) == ("user.name", "", 1.0)
    assert found.confidence == "medium"


@pytest.mark.parametrize("language", PEOPLE)
def test_names_of_people_are_found_where_the_column_says_nothing(language: str) -> None:
    found = detectors.finding("c12", PEOPLE[language].split("|") * 2, table="t3")
    assert found is not None
    assert (found.category, found.confidence) == ("user.name", "low")


def test_names_of_things_are_not_taken_for_people() -> None:
    """Each kind of thing, under a name that says nothing, one that may mean a person, and one that means a thing."""
    alarms = {
        (kind, column, table)
        for kind, values in THINGS.items()
        for column in ("name", "label", "c12", "title", "contact")
        for table in (kind, "t3")
        if (found := detectors.finding(column, values.split("|"), table=table)) is not None
        and found.category == "user.name"
    }
    # Where neither the column nor the table says what it is, the name of a thing that is written as one looks like a
    # person's: 6 of 50, each of them medium, and a person reads the draft.
    assert alarms == {
        (kind, column, "t3") for kind in ("products", "cities", "companies") for column in ("name", "contact")
    }


@pytest.mark.parametrize(
    "column", ["customer_id", "contact no", "customer_status", "user_type", "owner_since"]
)
def test_the_number_or_the_state_of_a_person_is_not_their_name(column: str) -> None:
    assert detectors.finding(column, []) is None
    assert detectors.finding("customer", []) is not None
    assert detectors.finding("product name", PEOPLE["en"].split("|")) is None


def test_a_few_names_said_again_and_again_are_no_list_of_people() -> None:
    assert detectors.finding("c12", PEOPLE["en"].split("|")[:3] * 40, table="t3") is None


@pytest.mark.parametrize(
    "column", ["note", "comments", "kundenNotiz", "הערות", "ملاحظات", "หมายเหตุ", "комментарий"]
)
def test_free_text_may_hold_anything_and_has_no_category(column: str) -> None:
    found = detectors.finding(column, ["likes tea", "call after six"])
    assert found is not None
    assert found.free


def test_sentences_under_any_name_are_free_text_and_the_draft_says_so() -> None:
    values = [f"Customer {number} asked to be called back in the evening" for number in range(20)]
    found = detectors.finding("c12", values)
    assert found is not None
    column = discover.Column(name="c12", type="string", key=False, length=None, to="", found=found)
    text = discover.written("shop", [discover.Table(name="calls", columns=(column,))])
    assert "may hold anything about anybody" in text
    assert "data_categories" not in text
    assert datasets.read(text, "draft.yml")[1] == ()
    assert detectors.finding("c12", ["In stock", "Sold out"] * 10) is None


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.NotNow, match="sql_unreachable"):
        discover.tables(Settings(url="sqlite:///none.db"), tmp_path, {})


class TestTheCommand:
    @pytest.fixture
    def workspace(
        self, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> Path:
        """A workspace with the shop's database connected."""
        for name in [name for name in os.environ if name.startswith("AMANA_")]:
            monkeypatch.delenv(name)
        folder = shop / "workspace"
        with pytest.raises(SystemExit):
            main(["init", str(folder), "--name", "Orchard Street Ltd", "--country", "GB", "--json"])
        monkeypatch.setenv("AMANA_WORKSPACE", str(folder))
        (folder / "systems").mkdir()
        (folder / "systems" / "shop.toml").write_text(
            '[system]\nkind = "sql"\ncountry = "GB"\n\n[settings]\nurl = "sqlite:///../shop.db"\n'
        )
        (folder / "systems" / "paper.toml").write_text('[system]\nkind = "manual"\ncountry = "GB"\n')
        capsys.readouterr()
        return folder

    def said(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["data-map", "discover", *words])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    def test_it_prints_a_draft_that_the_map_takes(
        self, workspace: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        status, out, _ = self.said(capsys, "shop")
        assert status == 0
        assert datasets.read(out, "draft.yml")[1] == ()
        system = workspace / "systems" / "shop.toml"
        system.write_text(system.read_text().replace("[settings]", 'datasets = ["shop.yml"]\n\n[settings]'))
        (workspace / "systems" / "shop.yml").write_text(out)
        with pytest.raises(SystemExit) as ended:
            main(["data-map", "check", "--json"])
        assert not ended.value.code

    def test_it_answers_with_json(self, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        status, out, _ = self.said(capsys, "shop", "--country", "GB", "--json")
        told = json.loads(out)
        assert (status, told["dataset"], len(told["tables"])) == (0, "shop", 3)
        assert "nok1@" not in out

    @pytest.mark.parametrize(("system", "word"), [("nothing", "no such system"), ("paper", "no database")])
    def test_what_cannot_be_read_is_told(
        self, workspace: Path, capsys: pytest.CaptureFixture[str], system: str, word: str
    ) -> None:
        status, out, err = self.said(capsys, system)
        assert status != 0
        assert out == ""
        assert word in err
