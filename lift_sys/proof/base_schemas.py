"""JSON Schemas as real services have them, each with instances that it accepts and instances that it refuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Schema = dict[str, Any]
Role = Literal["record", "document", "request", "reading"]
"""A record is stored and changes, a document is a file, a request asks for something, a reading comes in a stream."""


@dataclass(frozen=True)
class Base:
    name: str
    role: Role
    schema: Schema
    valid: tuple[Any, ...]
    invalid: tuple[Any, ...]


BOOLEAN: Schema = {"type": "boolean"}


def obj(optional: str = "", /, **properties: Schema) -> Schema:
    """All its properties are required but the optional ones, which are named in one string."""
    required = [key for key in properties if key not in optional.split()]
    return {"type": "object", "properties": properties, "required": required}


def only(schema: Schema) -> Schema:
    return {**schema, "additionalProperties": False}


def mapping(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


def arr(item: Schema, least: int | None = None, most: int | None = None) -> Schema:
    return {"type": "array", "items": item, **_given(minItems=least, maxItems=most)}


def tuple_of(*items: Schema) -> Schema:
    return {"type": "array", "prefixItems": list(items), "items": False, "minItems": len(items)}


def text(least: int | None = None, most: int | None = None) -> Schema:
    return {"type": "string", **_given(minLength=least, maxLength=most)}


def matching(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def formatted(name: str) -> Schema:
    return {"type": "string", "format": name}


def integer(least: int | None = None, most: int | None = None) -> Schema:
    return {"type": "integer", **_given(minimum=least, maximum=most)}


def number(least: float | None = None, most: float | None = None) -> Schema:
    return {"type": "number", **_given(minimum=least, maximum=most)}


def among(*values: Any) -> Schema:
    return {"enum": list(values)}


def const(value: Any) -> Schema:
    return {"const": value}


def or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _given(**keywords: float | None) -> Schema:
    return {keyword: value for keyword, value in keywords.items() if value is not None}


def altered(instance: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The instance with other values; a key whose value is `...` is gone."""
    return {key: value for key, value in {**instance, **changes}.items() if value is not ...}


def base(
    name: str,
    role: Role,
    schema: Schema,
    first: dict[str, Any],
    also: Sequence[dict[str, Any]],
    wrong: Sequence[dict[str, Any]],
) -> Base:
    """The first valid instance is written out, the others by what they change in it (see `altered`)."""
    valid = (first, *(altered(first, changes) for changes in also))
    return Base(name, role, schema, valid, tuple(altered(first, changes) for changes in wrong))


_COMMERCE = (
    base(
        "orders.order",
        "record",
        obj(
            "coupon gift",
            id=text(),
            customer=obj(name=text(), country=text()),
            lines=arr(obj(sku=text(), quantity=integer(1, 999), unit_price_cents=integer(0)), 1, 50),
            status=among("new", "paid", "shipped", "cancelled"),
            coupon=text(),
            gift=BOOLEAN,
        ),
        {
            "id": "o-20931",
            "customer": {"name": "Ines Duarte", "country": "PT"},
            "lines": [
                {"sku": "MUG-01", "quantity": 2, "unit_price_cents": 1250},
                {"sku": "TEA-77", "quantity": 999, "unit_price_cents": 0},
            ],
            "status": "paid",
            "coupon": "SPRING",
            "gift": True,
        },
        also=[
            {"coupon": ..., "gift": ...},
            {"lines": [{"sku": "LAMP", "quantity": 1, "unit_price_cents": 8900}], "status": "new"},
        ],
        wrong=[
            {"lines": [{"sku": "MUG-01", "quantity": 0, "unit_price_cents": 1250}]},
            {"lines": []},
            {"status": "lost"},
            {"customer": {"name": "Ines Duarte"}},
        ],
    ),
    base(
        "orders.refund",
        "request",
        obj(
            "note restock",
            order_id=text(),
            reason=among("damaged", "late", "unwanted", "other"),
            amount_cents=integer(),
            note=text(),
            restock=BOOLEAN,
        ),
        {"order_id": "o-20931", "reason": "late", "amount_cents": 1250, "note": "Arrived on Friday", "restock": False},
        also=[{"note": ..., "restock": ...}, {"reason": "other", "note": ...}],
        wrong=[{"amount_cents": "12.50"}, {"reason": "bored"}, {"order_id": ...}, {"restock": "no"}],
    ),
    base(
        "payments.card",
        "record",
        obj(
            "holder",
            token=matching("^tok_[a-z0-9]{8}$"),
            brand=among("visa", "mastercard", "amex"),
            last4=matching("^[0-9]{4}$"),
            expires=matching("^(0[1-9]|1[0-2])/[0-9]{2}$"),
            holder=text(1, 60),
        ),
        {"token": "tok_9f3k20ab", "brand": "visa", "last4": "0042", "expires": "09/29", "holder": "J. Okafor"},
        also=[{"holder": ...}, {"brand": "amex", "expires": "12/31"}],
        wrong=[{"expires": "13/29"}, {"last4": "042"}, {"token": "tok_9F3K20AB"}, {"brand": "diners"}],
    ),
    base(
        "payments.charge",
        "request",
        obj(
            amount_cents=integer(1),
            currency=matching("^[A-Z]{3}$"),
            method={
                "oneOf": [
                    only(obj(kind=const("card"), token=text())),
                    only(
                        obj(
                            "bic",
                            kind=const("transfer"),
                            iban=matching("^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"),
                            bic=text(),
                        )
                    ),
                    only(obj(kind=const("wallet"), provider=among("apple", "google"), device=text())),
                ]
            },
        ),
        {"amount_cents": 4999, "currency": "EUR", "method": {"kind": "card", "token": "tok_1"}},
        also=[
            {"method": {"kind": "transfer", "iban": "DE02120300000000202051"}},
            {"method": {"kind": "wallet", "provider": "google", "device": "pixel"}},
        ],
        wrong=[
            {"method": {"kind": "wallet", "token": "tok_1"}},
            {"method": {"kind": "cash"}},
            {"method": {"kind": "card", "token": "tok_1", "provider": "apple"}},
            {"amount_cents": 0},
        ],
    ),
    base(
        "invoices.invoice",
        "record",
        obj(
            "discount_percent",
            number=matching("^[0-9]{4}-[0-9]{5}$"),
            issued=formatted("date"),
            lines=arr(
                obj(what=text(1, 80), hours={**number(0.25, 24), "multipleOf": 0.25}, rate_cents=integer(0)), 1, 30
            ),
            discount_percent={**integer(0, 50), "multipleOf": 5},
        ),
        {
            "number": "2031-00017",
            "issued": "2031-03-01",
            "lines": [{"what": "Wiring, second floor", "hours": 7.75, "rate_cents": 6400}],
            "discount_percent": 15,
        },
        also=[
            {"discount_percent": ...},
            {
                "lines": [
                    {"what": "Survey", "hours": 2, "rate_cents": 5000},
                    {"what": "Report", "hours": 0.5, "rate_cents": 0},
                ]
            },
        ],
        wrong=[
            {"lines": [{"what": "Wiring", "hours": 7.8, "rate_cents": 6400}]},
            {"discount_percent": 12},
            {"number": "2031/00017"},
            {"lines": []},
        ],
    ),
    base(
        "inventory.item",
        "record",
        obj(
            "shelf",
            sku=text(3, 20),
            title=text(1),
            weight_kg=number(0, 1500),
            fill_ratio=number(0, 1),
            on_hand=integer(0),
            shelf=text(),
        ),
        {
            "sku": "BOLT-M8",
            "title": "Bolt M8, ø 8 mm",
            "weight_kg": 0.021,
            "fill_ratio": 0.5,
            "on_hand": 1200,
            "shelf": "C4",
        },
        also=[{"fill_ratio": 1, "shelf": ...}, {"weight_kg": 1500, "on_hand": 0}],
        wrong=[{"fill_ratio": 1.01}, {"weight_kg": -0.5}, {"on_hand": -1}, {"title": ""}],
    ),
    base(
        "inventory.stocktake",
        "record",
        obj("notes", counted_by=text(), warehouses=mapping(mapping(integer(0))), notes=mapping(text())),
        {
            "counted_by": "mkr",
            "warehouses": {"north": {"BOLT-M8": 1198, "NUT-M8": 0}, "south": {}},
            "notes": {"north": "two boxes are open"},
        },
        also=[{"warehouses": {}}, {"notes": ...}],
        wrong=[{"warehouses": {"north": {"BOLT-M8": -2}}}, {"warehouses": {"north": 1198}}, {"notes": {"north": None}}],
    ),
    base(
        "shipping.parcel",
        "record",
        obj(
            "insured_cents currency pickup_point locker_code",
            tracking=matching("^[A-Z]{2}[0-9]{9}[A-Z]{2}$"),
            weight_g=integer(1, 31500),
            insured_cents=integer(0),
            currency=among("EUR", "GBP", "USD"),
            pickup_point=text(1),
            locker_code=text(6, 6),
        )
        | {"dependentRequired": {"insured_cents": ["currency"], "locker_code": ["pickup_point"]}},
        {
            "tracking": "RR123456785PT",
            "weight_g": 740,
            "insured_cents": 20000,
            "currency": "GBP",
            "pickup_point": "Station kiosk",
            "locker_code": "40B7QX",
        },
        also=[{"insured_cents": ..., "currency": ..., "pickup_point": ..., "locker_code": ...}, {"insured_cents": ...}],
        wrong=[{"currency": ...}, {"pickup_point": ...}, {"weight_g": 31501}, {"locker_code": "40B7Q"}],
    ),
    base(
        "trading.limit_order",
        "request",
        obj(
            "client_note",
            symbol=matching("^[A-Z]{1,5}$"),
            side=among("buy", "sell"),
            lots={**integer(100, 100000), "multipleOf": 100},
            limit={"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.125},
            client_note=text(0, 40),
        ),
        {"symbol": "ACME", "side": "buy", "lots": 300, "limit": 41.375, "client_note": "rebalance"},
        also=[{"limit": 7, "client_note": ...}, {"symbol": "Q", "side": "sell", "lots": 100000}],
        wrong=[{"lots": 350}, {"limit": 41.3}, {"limit": 0}, {"symbol": "ACME.L"}],
    ),
    base(
        "subscriptions.plan",
        "record",
        obj(
            "flat_cents per_seat_cents trial_days",
            code=text(2, 16),
            period=among("month", "year"),
            flat_cents=integer(0),
            per_seat_cents=integer(0),
            trial_days=integer(0, 90),
        )
        | {"oneOf": [{"required": ["flat_cents"]}, {"required": ["per_seat_cents"]}]},
        {"code": "team", "period": "month", "per_seat_cents": 900, "trial_days": 14},
        also=[{"per_seat_cents": ..., "flat_cents": 4900, "trial_days": ...}, {"period": "year", "trial_days": ...}],
        wrong=[{"flat_cents": 4900}, {"per_seat_cents": ...}, {"trial_days": 91}, {"period": "week"}],
    ),
    base(
        "reviews.review",
        "record",
        obj(product=text(), author=text(), stars=integer(), verified=BOOLEAN, body=text()),
        {
            "product": "MUG-01",
            "author": "ines",
            "stars": 4,
            "verified": True,
            "body": 'Holds a lot.\nThe handle is "rustic".',
        },
        also=[{"body": ""}, {"verified": False, "body": "Très joli, mais lourd — 4★"}],
        wrong=[{"stars": "four"}, {"verified": 1}, {"author": ...}, {"body": None}],
    ),
)

_PEOPLE = (
    base(
        "users.profile",
        "record",
        obj(
            "website born",
            id=formatted("uuid"),
            email=formatted("email"),
            name=text(1, 100),
            joined=formatted("date-time"),
            website=formatted("uri"),
            born=formatted("date"),
        ),
        {
            "id": "0b9c6a52-7f0e-4c1b-9a56-3d1f8e2b7c40",
            "email": "noor@example.org",
            "name": "Noor de Vries",
            "joined": "2030-11-05T08:15:30Z",
            "website": "https://example.org/noor",
            "born": "1994-02-28",
        },
        also=[{"website": ..., "born": ...}, {"name": "李", "website": ...}],
        wrong=[{"email": ...}, {"joined": 1920096930}, {"name": ""}, {"born": ["1994", "02", "28"]}],
    ),
    base(
        "users.signup",
        "request",
        obj(
            "display_name referrer",
            login=text(3, 24),
            password=text(12, 128),
            display_name=text(1, 50),
            referrer=text(0, 200),
            terms=const(True),
        ),
        {
            "login": "noor",
            "password": "correct horse battery",
            "display_name": "Noor 🌿",
            "referrer": "",
            "terms": True,
        },
        also=[{"display_name": ..., "referrer": ...}, {"login": "abc", "password": "p\\w\"d' 12345"}],
        wrong=[{"login": "no"}, {"password": "too short"}, {"display_name": "n" * 51}, {"terms": False}],
    ),
    base(
        "users.handle",
        "request",
        obj(
            "aliases",
            handle={**matching("^[a-z][a-z0-9_]{2,14}$"), "not": among("admin", "root", "support", "system")},
            aliases=arr({**text(1, 20), "not": matching("^[0-9]+$")}, 0, 3),
        ),
        {"handle": "roots_leaves", "aliases": ["leaf", "4leaf"]},
        also=[{"handle": "adminton", "aliases": ...}, {"aliases": []}],
        wrong=[
            {"handle": "admin"},
            {"aliases": ["leaf", "2031"]},
            {"handle": "Leaf"},
            {"aliases": ["a", "b", "c", "d"]},
        ],
    ),
    base(
        "hr.employee",
        "record",
        obj(
            "nickname",
            staff_no=integer(1),
            given_name=matching("^[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+([ -][A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+)*$"),
            cyrillic_name=matching("^[\u0410-\u042f\u0401][\u0430-\u044f\u0451]+$"),
            nickname=matching("^[a-z\u03b1-\u03c9]{2,12}$"),
            grade=among("junior", "senior", "lead"),
        ),
        {"staff_no": 77, "given_name": "Élodie-Anaïs", "cyrillic_name": "Элоди", "nickname": "ελα", "grade": "lead"},
        also=[{"nickname": ...}, {"given_name": "Øystein", "cyrillic_name": "Фёдор", "grade": "junior"}],
        wrong=[{"given_name": "élodie"}, {"cyrillic_name": "Elodie"}, {"nickname": "Ελα"}, {"staff_no": 0}],
    ),
    base(
        "medical.appointment",
        "record",
        obj(
            "room interpreter remark",
            patient=text(),
            clinician=text(),
            minutes=among(15, 30, 60),
            kind=among("first", "follow-up", "emergency"),
            room=text(),
            interpreter=BOOLEAN,
            remark=text(),
        ),
        {
            "patient": "p-311",
            "clinician": "Dr Adeyemi",
            "minutes": 30,
            "kind": "first",
            "room": "2.14",
            "interpreter": True,
            "remark": "Fasting",
        },
        also=[{"room": ..., "interpreter": ..., "remark": ...}, {"interpreter": ..., "minutes": 60}],
        wrong=[{"minutes": 45}, {"kind": "checkup"}, {"interpreter": "yes"}, {"clinician": ...}],
    ),
    base(
        "medical.prescription",
        "record",
        {
            **obj(patient=text(1), dose={"allOf": [ref("amount"), {"required": ["per_day"]}]}, drug=ref("drug")),
            "$defs": {
                "amount": obj("per_day", value=number(0), unit=among("mg", "ml", "IU"), per_day=integer(1, 12)),
                "drug": {"allOf": [obj(code=matching("^[A-Z][0-9]{2}")), obj(code=text(7, 7), name=text(1))]},
            },
        },
        {
            "patient": "p-311",
            "dose": {"value": 2.5, "unit": "mg", "per_day": 2},
            "drug": {"code": "C07AB07", "name": "Bisoprolol"},
        },
        also=[{"dose": {"value": 10, "unit": "ml", "per_day": 12}}, {"drug": {"code": "A10BA02", "name": "Metformin"}}],
        wrong=[
            {"dose": {"value": 2.5, "unit": "mg"}},
            {"drug": {"code": "C07AB0", "name": "Bisoprolol"}},
            {"drug": {"code": "007AB07", "name": "Bisoprolol"}},
            {"dose": {"value": 2.5, "unit": "mg", "per_day": 13}},
        ],
    ),
    base(
        "medical.vitals",
        "reading",
        obj(
            "pain",
            patient=text(1),
            temperature_c={"type": "number", "exclusiveMinimum": 25, "exclusiveMaximum": 45},
            pulse={"type": "integer", "exclusiveMinimum": 0, "maximum": 300},
            saturation=number(0, 100),
            pain=integer(0, 10),
        ),
        {"patient": "p-311", "temperature_c": 36.9, "pulse": 71, "saturation": 98.5, "pain": 3},
        also=[{"pain": ...}, {"temperature_c": 44.99, "pulse": 1, "saturation": 100}],
        wrong=[{"temperature_c": 45}, {"temperature_c": 25}, {"pulse": 0}, {"pain": 11}],
    ),
    base(
        "calendar.event",
        "record",
        obj(
            "all_day repeat until reminder_minutes",
            title=text(1, 120),
            start=formatted("date-time"),
            all_day=BOOLEAN,
            repeat=among("daily", "weekly", "monthly"),
            until=formatted("date"),
            reminder_minutes=arr(integer(0, 10080), 1, 5),
        )
        | {"dependentRequired": {"repeat": ["until"], "until": ["repeat"]}},
        {
            "title": "Stand-up",
            "start": "2031-06-02T09:30:00+02:00",
            "all_day": False,
            "repeat": "weekly",
            "until": "2031-09-30",
            "reminder_minutes": [10, 1440],
        },
        also=[{"all_day": ..., "repeat": ..., "until": ..., "reminder_minutes": ...}, {"reminder_minutes": [0]}],
        wrong=[{"until": ...}, {"repeat": ...}, {"repeat": "hourly"}, {"reminder_minutes": []}],
    ),
    base(
        "calendar.availability",
        "document",
        obj(
            "exceptions",
            owner=text(),
            week=arr(arr(among("morning", "afternoon", "evening"), 0, 3), 7, 7),
            exceptions=arr(obj(day=text(), free=BOOLEAN), 1),
        ),
        {
            "owner": "lena",
            "week": [["morning"], [], ["morning", "afternoon"], [], [], ["morning", "afternoon", "evening"], []],
            "exceptions": [{"day": "2031-12-24", "free": False}],
        },
        also=[{"exceptions": ...}, {"week": [[], [], [], [], [], [], []]}],
        wrong=[
            {"week": [["morning"]]},
            {"week": [["night"], [], [], [], [], [], []]},
            {"exceptions": []},
            {"week": [[], [], [], [], [], [], [], []]},
        ],
    ),
    base(
        "education.quiz",
        "document",
        obj(
            "explanation",
            question=text(1, 300),
            options=arr(obj(label=text(1, 80), correct=BOOLEAN), 2, 6)
            | {"contains": {"properties": {"correct": const(True)}, "required": ["correct"]}, "maxContains": 1},
            tags=arr(text()) | {"contains": matching("^level:")},
            explanation=text(),
        ),
        {
            "question": "Which planet is closest to the sun?",
            "options": [{"label": "Venus", "correct": False}, {"label": "Mercury", "correct": True}],
            "tags": ["astronomy", "level:easy"],
            "explanation": "Its year lasts 88 days.",
        },
        also=[{"explanation": ...}, {"tags": ["level:hard"]}],
        wrong=[
            {"options": [{"label": "Venus", "correct": False}, {"label": "Mars", "correct": False}]},
            {"options": [{"label": "Venus", "correct": True}, {"label": "Mercury", "correct": True}]},
            {"tags": ["astronomy"]},
            {"options": [{"label": "Mercury", "correct": True}]},
        ],
    ),
    base(
        "library.loan",
        "record",
        obj("shelf_mark", book=text(), member=text(), due=text(), returned=or_null(text()), shelf_mark=text()),
        {"book": "b-9", "member": "m-102", "due": "2031-05-01", "returned": None, "shelf_mark": "823.914 ISH"},
        also=[{"returned": "2031-04-28"}, {"shelf_mark": ...}],
        wrong=[{"returned": False}, {"returned": ...}, {"due": None}],
    ),
    base(
        "recipes.recipe",
        "record",
        obj(
            "tips",
            title=text(),
            serves=integer(),
            ingredients=arr(obj("unit", name=text(), amount=number(), unit=text())),
            steps=arr(text()),
            tips=text(),
        ),
        {
            "title": "Caldo verde",
            "serves": 4,
            "ingredients": [{"name": "kale", "amount": 0.5, "unit": "kg"}, {"name": "potato", "amount": 6}],
            "steps": ["Boil the potatoes.", "Mash; add the kale, finely cut."],
            "tips": "Better the day after.",
        },
        also=[{"tips": ...}, {"ingredients": [], "steps": []}],
        wrong=[
            {"ingredients": [{"name": "kale"}]},
            {"steps": "Boil the potatoes."},
            {"serves": 4.5},
            {"ingredients": ["kale"]},
        ],
    ),
    base(
        "travel.boarding_pass",
        "record",
        obj(
            passenger=obj("title", title=text(), family=text(), given=text()),
            flight=obj(carrier=text(), number=integer(), route=obj(origin=text(), destination=text())),
            seat=obj(row=integer(), letter=among("A", "B", "C", "D", "E", "F")),
        ),
        {
            "passenger": {"title": "Ms", "family": "Quispe", "given": "Rosa"},
            "flight": {"carrier": "XQ", "number": 418, "route": {"origin": "LIM", "destination": "CUZ"}},
            "seat": {"row": 21, "letter": "F"},
        },
        also=[{"passenger": {"family": "Quispe", "given": "Rosa"}}, {"seat": {"row": 1, "letter": "A"}}],
        wrong=[
            {"seat": {"row": 21, "letter": "G"}},
            {"flight": {"carrier": "XQ", "number": 418, "route": {"origin": "LIM"}}},
            {"passenger": "Rosa Quispe"},
        ],
    ),
)

_OPERATIONS = (
    base(
        "logs.line",
        "reading",
        obj(level=among("debug", "info", "warning", "error"), logger=text(), message=text(), process=integer()),
        {"level": "warning", "logger": "db.pool", "message": "slow query: 412 ms", "process": 90210},
        also=[{"level": "debug", "message": "path=C:\\temp\\new\t\u2192 ok"}, {"process": 0}],
        wrong=[{"level": "WARNING"}, {"message": ["slow", "query"]}, {"process": 1.5}, {"logger": ...}],
    ),
    base(
        "logs.record",
        "reading",
        obj(
            "context",
            at=integer(),
            message=text(),
            context=obj("request_id", request_id=text()) | {"additionalProperties": True},
        )
        | {"additionalProperties": True},
        {
            "at": 1935000000,
            "message": "user signed in",
            "context": {"request_id": "r-1", "attempt": 2, "tags": ["web", None]},
            "host": "eu-3",
        },
        also=[{"context": ..., "host": ...}, {"host": ..., "labels": {"team": "identity"}}],
        wrong=[{"at": "now"}, {"message": ...}, {"context": {"request_id": 7}}],
    ),
    base(
        "telemetry.sensor",
        "reading",
        obj(
            "battery",
            sensor=text(1, 32),
            humidity={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            kelvin={"type": "number", "exclusiveMinimum": 0},
            sequence=integer(0),
            battery=number(0, 1),
        ),
        {"sensor": "roof-2", "humidity": 0.43, "kelvin": 294.15, "sequence": 88123, "battery": 1},
        also=[{"battery": ...}, {"humidity": 0.999, "kelvin": 0.001, "sequence": 0}],
        wrong=[{"humidity": 1}, {"kelvin": 0}, {"sequence": -1}, {"battery": 1.2}],
    ),
    base(
        "telemetry.span",
        "reading",
        obj(
            "parent",
            trace=matching("^[0-9a-f]{32}$"),
            span=matching("^[0-9a-f]{16}$"),
            parent=matching("^[0-9a-f]{16}$"),
            operation=matching("^(GET|POST|PUT|DELETE) /[a-z0-9/_-]*$"),
            duration_us=integer(0),
        ),
        {
            "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
            "span": "00f067aa0ba902b7",
            "parent": "53995c3f42cd8ad8",
            "operation": "GET /orders/17",
            "duration_us": 1840,
        },
        also=[{"parent": ...}, {"operation": "POST /", "duration_us": 0}],
        wrong=[{"span": "00F067AA0BA902B7"}, {"trace": "4bf9"}, {"operation": "FETCH /orders"}, {"duration_us": -4}],
    ),
    base(
        "telemetry.histogram",
        "reading",
        obj(
            "unit",
            metric=text(),
            buckets=arr(tuple_of(number(), integer())),
            range=tuple_of(number(), number()),
            unit=text(),
        ),
        {"metric": "latency", "buckets": [[0.1, 52], [0.5, 9], [2, 0]], "range": [0.004, 1.71], "unit": "s"},
        also=[{"buckets": [], "unit": ...}, {"range": [0, 0]}],
        wrong=[{"buckets": [[0.1, 52, 1]]}, {"range": [0.004]}, {"buckets": [["0.1", 52]]}],
    ),
    base(
        "telemetry.labelled",
        "reading",
        obj("unit", metric=text(1), value=number(), labels=mapping(text(1, 40)) | {"maxProperties": 4}, unit=text()),
        {"metric": "http_requests", "value": 1027, "labels": {"method": "GET", "code": "200"}, "unit": "1"},
        also=[{"labels": {}, "unit": ...}, {"labels": {"a": "1", "b": "2", "c": "3", "d": "4"}}],
        wrong=[
            {"labels": {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}},
            {"labels": {"code": 200}},
            {"labels": {"code": ""}},
        ],
    ),
    base(
        "devices.heartbeat",
        "reading",
        obj(device=text(), uptime_s=integer(), load=number(), healthy=BOOLEAN),
        {"device": "gate-7", "uptime_s": 86400, "load": 0.37, "healthy": True},
        also=[{"load": 2}, {"device": "", "uptime_s": 0, "healthy": False}],
        wrong=[{"uptime_s": 0.5}, {"load": "0.37"}, {"healthy": "true"}, {"device": ...}],
    ),
    base(
        "devices.command",
        "request",
        obj(protocol=const("v2"), action=const("reboot"), target=text(), delay_s=integer(), force=const(False)),
        {"protocol": "v2", "action": "reboot", "target": "gate-7", "delay_s": 30, "force": False},
        also=[{"target": "*"}, {"delay_s": 0}],
        wrong=[{"protocol": "v1"}, {"action": "erase"}, {"force": True}, {"target": ...}],
    ),
    base(
        "config.cache",
        "document",
        only(
            obj(
                "fallback",
                backend=among("memory", "disk", "redis"),
                ttl_s=integer(),
                eviction=only(obj(policy=among("lru", "lfu"), entries=integer())),
                fallback=only(obj(backend=among("memory", "none"))),
            )
        ),
        {
            "backend": "redis",
            "ttl_s": 300,
            "eviction": {"policy": "lru", "entries": 10000},
            "fallback": {"backend": "memory"},
        },
        also=[{"fallback": ...}, {"backend": "disk", "eviction": {"policy": "lfu", "entries": 1}}],
        wrong=[
            {"tll_s": 300},
            {"eviction": {"policy": "lru", "entries": 10, "max": 9}},
            {"fallback": {"backend": "none", "ttl_s": 1}},
            {"backend": "tape"},
        ],
    ),
    base(
        "config.server",
        "document",
        obj(
            "certificate workers",
            host=text(1),
            port=integer(1, 65535),
            tls=BOOLEAN,
            certificate=text(1),
            workers=integer(1, 64),
        )
        | {
            "if": {"properties": {"tls": const(True)}},
            "then": {"required": ["certificate"]},
            "else": {"properties": {"port": {"minimum": 1024}}},
        },
        {"host": "0.0.0.0", "port": 443, "tls": True, "certificate": "/etc/tls/site.pem", "workers": 8},
        also=[{"port": 8080, "tls": False, "certificate": ...}, {"workers": ...}],
        wrong=[{"certificate": ...}, {"tls": False}, {"port": 65536}, {"workers": 0}],
    ),
    base(
        "config.logging",
        "document",
        obj(
            "loggers",
            version=const(1),
            handlers=mapping(obj("path", kind=among("console", "file"), path=text(1)))
            | {"minProperties": 1, "maxProperties": 3},
            loggers=mapping(among("debug", "info", "error")) | {"minProperties": 1},
        ),
        {
            "version": 1,
            "handlers": {"out": {"kind": "console"}, "disk": {"kind": "file", "path": "/var/log/app.log"}},
            "loggers": {"app.db": "error"},
        },
        also=[{"loggers": ...}, {"handlers": {"out": {"kind": "console"}}}],
        wrong=[
            {"handlers": {}},
            {"loggers": {}},
            {"handlers": {name: {"kind": "console"} for name in ("a", "b", "c", "d")}},
            {"handlers": {"out": {"kind": "syslog"}}},
        ],
    ),
    base(
        "flags.targeting",
        "document",
        {
            **obj("owner", flag=text(1, 40), enabled=BOOLEAN, when=ref("rule"), owner=text()),
            "$defs": {
                "rule": {
                    "anyOf": [
                        only(obj(all=arr(ref("rule"), 1))),
                        only(obj(any=arr(ref("rule"), 1))),
                        only(obj(attribute=text(1), equals={"type": ["string", "number", "boolean"]})),
                    ]
                }
            },
        },
        {
            "flag": "new-checkout",
            "enabled": True,
            "when": {
                "all": [
                    {"attribute": "country", "equals": "NL"},
                    {"any": [{"attribute": "beta", "equals": True}, {"attribute": "age_days", "equals": 30}]},
                ]
            },
            "owner": "checkout",
        },
        also=[
            {"when": {"attribute": "beta", "equals": False}, "owner": ...},
            {"when": {"any": [{"all": [{"any": [{"attribute": "plan", "equals": "pro"}]}]}]}},
        ],
        wrong=[
            {"when": {"all": []}},
            {"when": {"all": [{"any": [{"attribute": "beta"}]}]}},
            {"when": {"none": [{"attribute": "beta", "equals": True}]}},
            {"enabled": "on"},
        ],
    ),
    base(
        "ci.pipeline",
        "document",
        obj(
            "timeout_minutes",
            image=matching("^[a-z0-9./-]+:[a-z0-9.-]+$"),
            jobs={
                "type": "object",
                "patternProperties": {
                    "^(build|test|deploy)(-[a-z0-9]+)*$": obj("needs", run=arr(text(1), 1), needs=arr(text()))
                },
                "additionalProperties": False,
            },
            timeout_minutes=integer(1, 360),
        ),
        {
            "image": "registry.local/python:3.11",
            "jobs": {
                "build": {"run": ["make wheel"]},
                "test-unit": {"run": ["make install", "make test"], "needs": ["build"]},
            },
            "timeout_minutes": 45,
        },
        also=[{"jobs": {}}, {"jobs": {"deploy-eu-1": {"run": ["./deploy eu-1"], "needs": []}}, "timeout_minutes": ...}],
        wrong=[
            {"jobs": {"Build": {"run": ["make"]}}},
            {"jobs": {"build": {"run": []}}},
            {"jobs": {"test-": {"run": ["make test"]}}},
            {"image": "python"},
        ],
    ),
    base(
        "ci.matrix",
        "document",
        obj(
            "exclude",
            python=arr(matching("^3\\.[0-9]{1,2}$"), 1, 6) | {"uniqueItems": True},
            os=arr(among("linux", "macos", "windows"), 1) | {"uniqueItems": True},
            exclude=arr(only(obj(python=text(), os=text()))) | {"uniqueItems": True},
            fail_fast=BOOLEAN,
        ),
        {
            "python": ["3.11", "3.12"],
            "os": ["linux", "windows"],
            "exclude": [{"python": "3.12", "os": "windows"}, {"python": "3.11", "os": "windows"}],
            "fail_fast": False,
        },
        also=[{"exclude": ...}, {"python": ["3.9"], "os": ["windows", "macos", "linux"], "exclude": []}],
        wrong=[
            {"python": ["3.11", "3.12", "3.11"]},
            {"exclude": [{"python": "3.12", "os": "linux"}, {"python": "3.12", "os": "linux"}]},
            {"os": []},
            {"python": ["2.7"]},
        ],
    ),
    base(
        "containers.pod",
        "document",
        {
            **obj(
                "restart",
                name=text(),
                containers=arr(ref("container"), 1),
                init=arr(ref("container")),
                restart=among("always", "on-failure", "never"),
            ),
            "$defs": {
                "container": obj(
                    "limits env",
                    name=text(),
                    image=text(),
                    env=arr(ref("variable")),
                    limits=ref("resources"),
                    requests=ref("resources"),
                ),
                "variable": only(obj(name=text(), value=text())),
                "resources": only(obj("gpu", cpu=text(), memory=text(), gpu=integer())),
            },
        },
        {
            "name": "api",
            "containers": [
                {
                    "name": "web",
                    "image": "registry.local/api:1.9.2",
                    "env": [{"name": "MODE", "value": "production"}],
                    "limits": {"cpu": "2", "memory": "1Gi", "gpu": 1},
                    "requests": {"cpu": "500m", "memory": "256Mi"},
                }
            ],
            "init": [],
            "restart": "on-failure",
        },
        also=[
            {"restart": ...},
            {"init": [{"name": "migrate", "image": "api:1.9.2", "requests": {"cpu": "1", "memory": "64Mi"}}]},
        ],
        wrong=[
            {"containers": []},
            {"containers": [{"name": "web", "image": "api", "requests": {"cpu": "1"}}]},
            {"init": [{"name": "m", "image": "api", "requests": {"cpu": "1", "memory": "1Gi", "disk": "1Ti"}}]},
            {"restart": "sometimes"},
        ],
    ),
    base(
        "containers.compose",
        "document",
        obj(
            "volumes",
            services=mapping(
                obj(
                    "command ports",
                    image=text(1),
                    command={"anyOf": [text(1), arr(text(1), 1)]},
                    ports=arr({"anyOf": [integer(1, 65535), matching("^[0-9]{1,5}:[0-9]{1,5}$")]}),
                )
            ),
            volumes=arr(text(1)),
        ),
        {
            "services": {
                "web": {"image": "nginx:1.27", "ports": ["8080:80", 443]},
                "worker": {"image": "app", "command": ["python", "-m", "worker"]},
            },
            "volumes": ["data"],
        },
        also=[{"volumes": ...}, {"services": {"db": {"image": "postgres:17", "command": "postgres -c fsync=off"}}}],
        wrong=[
            {"services": {"web": {"image": "nginx", "ports": ["80"]}}},
            {"services": {"web": {"image": "nginx", "ports": [70000]}}},
            {"services": {"web": {"image": "nginx", "command": []}}},
            {"services": {"web": {"command": "run"}}},
        ],
    ),
    base(
        "packages.manifest",
        "document",
        obj(
            "private scripts",
            name=matching("^(@[a-z0-9-]+/)?[a-z0-9-]+$"),
            version=matching("^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)$"),
            private=BOOLEAN,
            scripts=mapping(text()) | {"propertyNames": among("build", "test", "lint", "start")},
            dependencies=mapping(matching("^[~^]?[0-9]+\\.[0-9]+\\.[0-9]+$"))
            | {"propertyNames": {**matching("^[a-z@/-]+$"), "maxLength": 30}},
        ),
        {
            "name": "@harbour/charts",
            "version": "2.0.13",
            "private": True,
            "scripts": {"test": "node --test", "build": "tsc -p ."},
            "dependencies": {"left-trim": "^1.2.0", "@harbour/axes": "0.9.1"},
        },
        also=[{"private": ..., "scripts": ...}, {"name": "charts", "version": "0.0.0", "dependencies": {}}],
        wrong=[
            {"dependencies": {"Left-Trim": "^1.2.0"}},
            {"scripts": {"prebuild": "rm -r out"}},
            {"version": "2.00.13"},
            {"dependencies": {"left-trim": "latest"}},
        ],
    ),
    base(
        "packages.lock",
        "document",
        obj(
            "generator",
            lock_version=const(3),
            packages=mapping(obj("dependencies", version=text(), integrity=text(20), dependencies=mapping(text()))),
            generator=text(),
        ),
        {
            "lock_version": 3,
            "packages": {
                "left-trim": {
                    "version": "1.2.4",
                    "integrity": "sha256-R0tMb2pLd1ZyQ3F6",
                    "dependencies": {"spaces": "4.0.0"},
                },
                "spaces": {"version": "4.0.0", "integrity": "sha256-a1B2c3D4e5F6g7H8"},
            },
            "generator": "harbour 7",
        },
        also=[{"generator": ...}, {"packages": {}}],
        wrong=[
            {"packages": {"spaces": {"version": "4.0.0", "integrity": "sha256-short"}}},
            {
                "packages": {
                    "spaces": {"version": "4.0.0", "integrity": "sha256-a1B2c3D4e5F6g7H8", "dependencies": {"x": 1}}
                }
            },
            {"lock_version": 2},
        ],
    ),
    base(
        "network.lease",
        "record",
        obj(
            "hostname",
            address=formatted("ipv4"),
            hostname=formatted("hostname"),
            mac=text(17, 17),
            granted=formatted("date-time"),
            lease_s=integer(60, 604800),
        ),
        {
            "address": "10.20.0.41",
            "hostname": "printer-2.lan",
            "mac": "3c:22:fb:9a:10:7e",
            "granted": "2031-01-31T23:59:59Z",
            "lease_s": 86400,
        },
        also=[{"hostname": ...}, {"address": "192.168.1.254", "lease_s": 60}],
        wrong=[{"address": 167903273}, {"mac": "3c:22:fb"}, {"lease_s": 59}, {"granted": ...}],
    ),
    base(
        "network.zone",
        "document",
        obj(
            "comment",
            origin=matching("^([a-z0-9-]+\\.)+$"),
            comment=text(),
            records=arr(obj("ttl", type=among("SOA", "NS", "A", "TXT"), value=text(1), ttl=integer(0)), 1)
            | {"contains": {"properties": {"type": const("NS")}}, "minContains": 2},
        ),
        {
            "origin": "example.org.",
            "comment": "secondary is abroad",
            "records": [
                {"type": "NS", "value": "ns1.example.org."},
                {"type": "A", "value": "192.0.2.7", "ttl": 300},
                {"type": "NS", "value": "ns2.example.net.", "ttl": 86400},
            ],
        },
        also=[
            {"comment": ...},
            {"records": [{"type": "NS", "value": "a.example."}, {"type": "NS", "value": "b.example."}]},
        ],
        wrong=[
            {"records": [{"type": "NS", "value": "a.example."}, {"type": "A", "value": "192.0.2.7"}]},
            {"records": [{"type": "NS", "value": "a."}, {"type": "NS", "value": "b."}, {"type": "MX", "value": "c."}]},
            {"origin": "example.org"},
        ],
    ),
    base(
        "access.policy",
        "document",
        {
            "type": "object",
            "allOf": [
                obj(version=const(2), statements=arr({"allOf": [ref("effect"), ref("target")]}, 1, 10)),
                obj("note", id=matching("^pol-[0-9]+$"), note=text(0, 100)),
            ],
            "$defs": {
                "effect": obj(effect=among("allow", "deny"), actions=arr(matching("^[a-z]+:([A-Za-z]+|\\*)$"), 1)),
                "target": obj("owner", resource=text(1), owner=text(1)),
            },
        },
        {
            "version": 2,
            "statements": [
                {"effect": "allow", "actions": ["bucket:Read", "bucket:List"], "resource": "reports/*"},
                {"effect": "deny", "actions": ["bucket:*"], "resource": "payroll", "owner": "finance"},
            ],
            "id": "pol-12",
            "note": "quarterly audit",
        },
        also=[{"note": ...}, {"statements": [{"effect": "deny", "actions": ["key:Rotate"], "resource": "k"}]}],
        wrong=[
            {"id": ...},
            {"statements": [{"effect": "allow", "actions": ["bucket:Read"]}]},
            {"statements": [{"actions": ["bucket:Read"], "resource": "reports"}]},
            {"note": "n" * 101},
        ],
    ),
    base(
        "webhooks.subscription",
        "request",
        obj(
            "secret",
            url={**formatted("uri"), "pattern": "^https://"},
            topics=arr(matching("^[a-z]+\\.(created|updated|deleted)$"), 1, 10) | {"uniqueItems": True},
            retry_after_s=arr(integer(1, 3600), 0, 5) | {"uniqueItems": True},
            secret=text(16, 64),
        ),
        {
            "url": "https://example.org/hooks/in",
            "topics": ["order.created", "order.deleted"],
            "retry_after_s": [1, 30, 600],
            "secret": "f2d1c0b9a8978685",
        },
        also=[{"secret": ...}, {"topics": ["user.updated"], "retry_after_s": []}],
        wrong=[
            {"topics": ["order.created", "order.created"]},
            {"retry_after_s": [30, 1, 30]},
            {"url": "http://example.org/hooks/in"},
            {"topics": ["order.lost"]},
        ],
    ),
    base(
        "http.exchange",
        "reading",
        obj(
            "body",
            method=among("GET", "POST", "DELETE"),
            status=integer(100, 599),
            headers={
                "type": "object",
                "properties": {"content-type": text(1), "content-length": integer(0)},
                "required": ["content-type"],
                "patternProperties": {"^x-[a-z-]+$": text(0, 200)},
                "additionalProperties": False,
            },
            body=text(),
        ),
        {
            "method": "POST",
            "status": 201,
            "headers": {"content-type": "application/json", "content-length": 11, "x-request-id": "r-881"},
            "body": '{"ok":true}',
        },
        also=[{"body": ...}, {"headers": {"content-type": "text/plain", "x-a": "", "x-b": "2"}, "status": 599}],
        wrong=[
            {"headers": {"content-type": "text/plain", "X-Request-Id": "r-881"}},
            {"headers": {"content-type": "text/plain", "x-retries": 3}},
            {"headers": {"x-request-id": "r-881"}},
            {"status": 99},
        ],
    ),
    base(
        "tickets.ticket",
        "record",
        obj(
            "labels estimate_hours",
            key=text(),
            summary=text(),
            assignee=or_null(text()),
            parent=or_null(obj(key=text(), open=BOOLEAN)),
            labels=arr(text()),
            estimate_hours=or_null(number()),
        ),
        {
            "key": "OPS-311",
            "summary": "Disk fills up at night",
            "assignee": "lena",
            "parent": {"key": "OPS-300", "open": True},
            "labels": ["disk", "night"],
            "estimate_hours": 3.5,
        },
        also=[{"assignee": None, "parent": None, "estimate_hours": None}, {"labels": ..., "estimate_hours": ...}],
        wrong=[{"assignee": 12}, {"parent": {"key": "OPS-300"}}, {"parent": ...}, {"labels": [None]}],
    ),
    base(
        "tickets.transition",
        "request",
        obj(
            "resolution comment",
            key=matching("^[A-Z]{2,5}-[1-9][0-9]*$"),
            to=among("open", "blocked", "resolved"),
            resolution=among("fixed", "duplicate", "wontfix"),
            comment=text(1, 500),
        )
        | {
            "if": {"properties": {"to": const("resolved")}},
            "then": {"required": ["resolution"]},
            "else": {"properties": {"resolution": False}, "required": ["comment"]},
        },
        {"key": "OPS-311", "to": "resolved", "resolution": "fixed", "comment": "Logs rotate hourly now."},
        also=[{"comment": ...}, {"to": "blocked", "resolution": ...}],
        wrong=[{"resolution": ...}, {"to": "open"}, {"key": "OPS-0"}, {"resolution": "forgotten"}],
    ),
)

_KNOWLEDGE = (
    base(
        "geo.track",
        "reading",
        obj(
            "device",
            name=text(),
            points=arr(tuple_of(number(), number(), or_null(number()))),
            start=tuple_of(text(), obj(lat=number(), lon=number())),
            device=text(),
        ),
        {
            "name": "Ridge walk",
            "points": [[46.021, 7.748, 1620], [46.024, 7.751, None]],
            "start": ["Zermatt", {"lat": 46.02, "lon": 7.75}],
            "device": "watch",
        },
        also=[{"device": ...}, {"points": []}],
        wrong=[
            {"points": [[46.021, 7.748]]},
            {"points": [[46.021, 7.748, "1620 m"]]},
            {"start": ["Zermatt", {"lat": 46.02}]},
        ],
    ),
    base(
        "geo.place",
        "record",
        obj(
            "altitude_m",
            name=text(1, 80),
            lat=number(-90, 90),
            lon=number(-180, 180),
            altitude_m=number(-450, 9000),
            kind=among("city", "peak", "lake"),
        ),
        {"name": "Ushuaia", "lat": -54.8019, "lon": -68.303, "altitude_m": 23, "kind": "city"},
        also=[{"altitude_m": ...}, {"lat": 90, "lon": -180, "kind": "peak"}],
        wrong=[{"lat": -90.5}, {"lon": 181}, {"altitude_m": 9001}, {"kind": "river"}],
    ),
    base(
        "geo.feature",
        "record",
        {
            **obj(
                "label",
                id=integer(1),
                geometry={
                    "anyOf": [
                        obj(type=const("Point"), coordinates=ref("position")),
                        obj(type=const("LineString"), coordinates=arr(ref("position"), 2)),
                        obj(type=const("Polygon"), coordinates=arr(arr(ref("position"), 4), 1)),
                    ]
                },
                label=text(),
            ),
            "$defs": {"position": tuple_of(number(-180, 180), number(-90, 90))},
        },
        {"id": 8, "geometry": {"type": "LineString", "coordinates": [[4.9, 52.37], [4.47, 51.92]]}, "label": "A13"},
        also=[
            {"geometry": {"type": "Point", "coordinates": [-180, 90]}, "label": ...},
            {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1.5], [0, 0]]]}},
        ],
        wrong=[
            {"geometry": {"type": "LineString", "coordinates": [[4.9, 52.37]]}},
            {"geometry": {"type": "Point", "coordinates": [[4.9, 52.37], [4.47, 51.92]]}},
            {"geometry": {"type": "Circle", "coordinates": [4.9, 52.37]}},
            {"geometry": {"type": "Point", "coordinates": [4.9, 90.1]}},
        ],
    ),
    base(
        "search.query",
        "request",
        obj(
            "filters sort",
            query=text(1, 200),
            filters=arr(
                obj(field=text(1), value={"anyOf": [text(), number(), BOOLEAN, arr({"anyOf": [text(), number()]}, 1)]})
            ),
            sort={"anyOf": [among("relevance", "newest"), obj(field=text(1), descending=BOOLEAN)]},
            size=integer(1, 100),
        ),
        {
            "query": "oak table",
            "filters": [
                {"field": "price", "value": 450},
                {"field": "colour", "value": ["black", "brown", 3]},
                {"field": "in_stock", "value": True},
            ],
            "sort": {"field": "price", "descending": False},
            "size": 20,
        },
        also=[{"filters": ..., "sort": ...}, {"sort": "newest", "size": 100}],
        wrong=[
            {"sort": "price"},
            {"filters": [{"field": "colour", "value": []}]},
            {"filters": [{"field": "colour", "value": None}]},
            {"size": 0},
        ],
    ),
    base(
        "tools.filter_rows",
        "request",
        {
            **obj("limit", table=matching("^[a-z_]+$"), where=ref("condition"), limit=integer(1, 1000)),
            "$defs": {
                "condition": {"anyOf": [ref("comparison"), ref("junction"), ref("negation")]},
                "comparison": only(
                    obj(
                        column=text(1),
                        operator=among("=", "<", ">", "like"),
                        value={"type": ["string", "number", "null"]},
                    )
                ),
                "junction": only(obj(connective=among("and", "or"), parts=arr(ref("condition"), 2, 8))),
                "negation": only(obj(negated=ref("condition"))),
            },
        },
        {
            "table": "loans",
            "where": {
                "connective": "and",
                "parts": [
                    {"column": "due", "operator": "<", "value": "2031-05-01"},
                    {"negated": {"column": "returned", "operator": "=", "value": None}},
                ],
            },
            "limit": 50,
        },
        also=[
            {"where": {"column": "fine", "operator": ">", "value": 2.5}, "limit": ...},
            {"where": {"negated": {"negated": {"negated": {"column": "a", "operator": "like", "value": "%x"}}}}},
        ],
        wrong=[
            {"where": {"connective": "and", "parts": [{"column": "a", "operator": "=", "value": 1}]}},
            {"where": {"negated": {"column": "a", "operator": "!=", "value": 1}}},
            {"where": {"negated": {"negated": {}}}},
            {"table": "Loans"},
        ],
    ),
    base(
        "tools.weather",
        "request",
        obj("days units hourly", location=text(), days=integer(), units=among("metric", "imperial"), hourly=BOOLEAN),
        {"location": "São Paulo, Brazil", "days": 3, "units": "metric", "hourly": False},
        also=[{"days": ..., "units": ..., "hourly": ...}, {"days": ..., "hourly": True}],
        wrong=[{"units": "kelvin"}, {"days": "three"}, {"location": ...}],
    ),
    base(
        "tools.edit_file",
        "request",
        obj(
            "dry_run",
            path=matching("^/[A-Za-z0-9_./-]+$"),
            edits=arr(
                {
                    "oneOf": [
                        only(obj(op=const("replace"), old=text(1), new=text())),
                        only(obj(op=const("insert"), line=integer(0), new=text(1))),
                        only(obj("to_line", op=const("delete"), line=integer(1), to_line=integer(1))),
                    ]
                },
                1,
                20,
            ),
            dry_run=BOOLEAN,
        ),
        {
            "path": "/srv/app/main.py",
            "edits": [
                {"op": "replace", "old": 'print("hi")\n', "new": ""},
                {"op": "insert", "line": 0, "new": "import os\n"},
            ],
            "dry_run": True,
        },
        also=[{"edits": [{"op": "delete", "line": 4, "to_line": 9}]}, {"dry_run": ...}],
        wrong=[
            {"edits": [{"op": "insert", "line": 3}]},
            {"edits": [{"op": "delete", "line": 4, "new": "x"}]},
            {"edits": [{"op": "move", "line": 4}]},
            {"path": "main.py"},
        ],
    ),
    base(
        "chat.message",
        "record",
        obj(
            "name",
            role=among("system", "user", "assistant"),
            name=text(1, 30),
            content={
                "anyOf": [
                    text(1),
                    arr(
                        {
                            "anyOf": [
                                only(obj(type=const("text"), text=text())),
                                only(obj("alt", type=const("image"), url=formatted("uri"), alt=text())),
                            ]
                        },
                        1,
                    ),
                ]
            },
        ),
        {
            "role": "user",
            "name": "noor",
            "content": [
                {"type": "text", "text": "What is this? 🤔"},
                {"type": "image", "url": "https://example.org/a.png", "alt": "a bird"},
            ],
        },
        also=[
            {"role": "assistant", "name": ..., "content": "A kingfisher."},
            {"content": [{"type": "text", "text": ""}]},
        ],
        wrong=[
            {"content": []},
            {"content": ""},
            {"content": [{"type": "image", "text": "a bird"}]},
            {"role": "moderator"},
        ],
    ),
    base(
        "chat.thread",
        "record",
        obj("pinned", author=text(1), body=text(1, 1000), pinned=BOOLEAN, replies=arr({"$ref": "#"}, 0, 20)),
        {
            "author": "noor",
            "body": "Is the kiln free on Monday?",
            "pinned": True,
            "replies": [
                {"author": "jan", "body": "Until noon.", "replies": [{"author": "noor", "body": "👍", "replies": []}]},
                {"author": "eva", "body": "I booked it.", "pinned": False, "replies": []},
            ],
        },
        also=[{"pinned": ..., "replies": []}, {"body": "Sold!", "replies": []}],
        wrong=[
            {"replies": [{"author": "jan", "body": "Until noon."}]},
            {"replies": [{"author": "jan", "body": "", "replies": []}]},
            {"replies": None},
            {"pinned": "top"},
        ],
    ),
    base(
        "citations.entry",
        "record",
        obj(
            "doi pages url",
            key=matching("^[a-z]+[0-9]{4}[a-z]?$"),
            authors=arr(text(1), 1),
            year=integer(1450, 2100),
            doi=matching("^10\\.[0-9]{4,9}/[^ ]+$"),
            pages=tuple_of(integer(1), integer(1)),
            url=text(1),
        )
        | {"not": {"required": ["doi", "url"]}},
        {
            "key": "varga2019b",
            "authors": ["Varga, E.", "Lind, P."],
            "year": 2019,
            "doi": "10.5555/kiln.7",
            "pages": [3, 19],
        },
        also=[{"doi": ..., "url": "https://example.org/kiln"}, {"doi": ..., "pages": ...}],
        wrong=[{"url": "https://example.org/kiln"}, {"key": "Varga2019"}, {"pages": [3]}, {"year": 1449}],
    ),
    base(
        "translations.catalogue",
        "document",
        obj(
            "plural",
            locale=matching("^[a-z]{2}(-[A-Z]{2})?$"),
            greeting=matching("^[ぁ-んァ-ヶ一-龥ー、。・]+$"),
            currency_sign=matching("^[$€£¥₹]$"),
            entries=mapping(matching("^[^<>]*$")),
            plural=matching("^(один|несколько|много)$"),
        ),
        {
            "locale": "ja-JP",
            "greeting": "ようこそ、東京。",
            "currency_sign": "¥",
            "entries": {"cart.empty": "カートは空です", "cart.total": "合計: {sum}"},
            "plural": "много",
        },
        also=[{"locale": "ja", "plural": ...}, {"currency_sign": "₹", "entries": {}}],
        wrong=[
            {"greeting": "Welcome"},
            {"currency_sign": "₽"},
            {"entries": {"cart.empty": "<b>空</b>"}},
            {"plural": "мало"},
        ],
    ),
)

BASES: tuple[Base, ...] = (*_COMMERCE, *_PEOPLE, *_OPERATIONS, *_KNOWLEDGE)
