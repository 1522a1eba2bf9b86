"""One small export for every importer, with somebody who left in each, and rows that cannot be taken."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """An export as files, the options to read it with, and who in it must be refused."""

    options: str
    files: dict[str, str]  # one: a file of that name; several: members of a zip
    left: frozenset[str]  # e-mail, phone or id of everybody who said no, or whose address is blocked
    repeat: str = field(default="")  # a row to make the last file long with

    def write(self, folder: Path, repeats: int = 0) -> Path:
        """The export on disk, its last file lengthened by `repeats` rows."""
        files = dict(self.files)
        last = list(files)[-1]
        files[last] += (self.repeat or files[last].splitlines(keepends=True)[-1]) * repeats
        if len(files) == 1:
            path = folder / last
            path.write_text(files[last], encoding="utf-8")
            return path
        path = folder / "export.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return path


TABLE = Sample(
    options="""
[source]
zone = "UTC"
[person]
email = "mail"
[fields]
city = { column = "city", values = { Haifa = "HFA" } }
[[permission]]
purpose = "newsletter"
channel = "email"
status = { column = "news", given = ["yes"], withdrawn = ["left"] }
when = "when"
proof = ["written"]
""",
    files={
        "people.csv": "mail,news,when,city\n"
        'yes@example.com,yes,2024-05-01,"Hai\nfa"\n'
        "left@example.com,left,first of May,Haifa\n"
        "odd@example.com,subscribed,2024-05-01,Haifa\n"
        "short@example.com,left\n"
        "undated@example.com,yes,,Haifa\n"
    },
    left=frozenset({"left@example.com"}),
)
MAILCHIMP = Sample(
    options='purposes = ["newsletter"]\nzone = "Europe/Berlin"\nproof = ["written"]\n',
    files={
        "subscribed_a.csv": "Email Address,OPTIN_TIME,CONFIRM_TIME\n"
        "yes@example.com,2024-05-01 10:00:00,2024-05-01 10:05:00\n"
        "added@example.com,,2024-05-01 10:05:00\n"
        "odd@example.com,noon,2024-05-01 10:05:00\n"
        ",2024-05-01 10:00:00,\n",
        "unsubscribed_a.csv": "Email Address,UNSUB_TIME,UNSUB_REASON\n"
        "left@example.com,2024-05-02 10:00:00,NORMAL\n"
        "angry@example.com,some day,Abuse complaint\n",
        "cleaned_a.csv": "Email Address,CLEAN_TIME\ngone@example.com,2024-05-02 10:00:00\n",
    },
    left=frozenset({"left@example.com", "angry@example.com", "gone@example.com"}),
)
LISTMONK = Sample(
    options='purposes = ["newsletter"]\nproof = ["written"]\nfields = { full_name = "name" }\n',
    files={
        "subscribers.csv": "uuid,email,name,attributes,status,created_at,updated_at\n"
        "u1,on@example.com,On,{},enabled,2024-05-01T10:00:00Z,2024-05-01T10:00:00Z\n"
        "u2,off@example.com,Off,{},disabled,2024-05-01T10:00:00Z,2024-05-02T10:00:00Z\n"
        "u3,block@example.com,Block,{},blocklisted,2024-05-01T10:00:00Z,yesterday\n"
        "u4,odd@example.com,Odd,{},confirmed,2024-05-01T10:00:00Z,2024-05-02T10:00:00Z\n"
    },
    left=frozenset({"off@example.com", "block@example.com"}),
)
HUBSPOT = Sample(
    options='purposes = ["newsletter"]\nproof = ["own_collection"]\ntypes = { News = "newsletter" }\n',
    files={
        "contacts.csv": "Record ID,Email,Unsubscribed from all email,Opted out of email: News,"
        "Legal basis for processing contact's data,Email hard bounce reason\n"
        "1,free@example.com,false,,Freely given consent from contact,\n"
        "2,left@example.com,true,,Legitimate interest – existing customer,\n"
        "3,news@example.com,,Yes,Performance of a contract;Not applicable,\n"
        "4,gone@example.com,No,No,Magic,UNKNOWN_USER\n"
    },
    left=frozenset({"left@example.com", "news@example.com", "gone@example.com"}),
)
KLAVIYO = Sample(
    options='purposes = ["newsletter"]\nproof = ["written"]\n',
    files={
        "profiles.csv": "Email,Klaviyo ID,Phone Number,Email Marketing Consent,Email Marketing Consent Timestamp,"
        "Email Suppressions,SMS Marketing Consent,SMS Marketing Consent Timestamp\n"
        "yes@example.com,k1,,SUBSCRIBED,2024-05-01T10:00:00Z,[],NEVER_SUBSCRIBED,\n"
        "left@example.com,k2,,UNSUBSCRIBED,,,,\n"
        "back@example.com,k3,,SUBSCRIBED,2024-05-01T10:00:00Z,USER_SUPPRESSED,,\n"
        "odd@example.com,k4,,MAYBE,,,,\n"
        "sms@example.com,k5,+12015550123,NEVER_SUBSCRIBED,,,UNSUBSCRIBED,2024-05-01T10:00:00Z\n"
    },
    left=frozenset({"left@example.com", "back@example.com", "sms@example.com"}),
)
BRAZE = Sample(
    options='purposes = ["newsletter"]\nproof = ["written"]\n',
    files={
        "users.csv": "user_id,email,email_subscribe,email_opted_in_at,unsubscribed_from_emails_at,push_subscribe\n"
        "b1,yes@example.com,opted_in,2024-05-01T10:00:00Z,,subscribed\n"
        "b2,default@example.com,subscribed,,,\n"
        "b3,left@example.com,unsubscribed,,2024-05-02T10:00:00Z,\n"
        "b4,mixed@example.com,opted_in,2024-05-01T10:00:00Z,once,\n"
        "b5,odd@example.com,perhaps,,,unsubscribed\n"
    },
    left=frozenset({"left@example.com", "mixed@example.com", "odd@example.com"}),
)
MAUTIC = Sample(
    options="",
    files={
        "dnc.csv": "lead_id,email,channel,reason,date_added,comments\n"
        "1,left@example.com,email,1,2024-05-01 10:00:00,bye\n"
        "2,gone@example.com,email,2,2024-05-01 10:00:00,\n"
        "3,staff@example.com,pigeon,3,2024-05-01 10:00:00,\n"
        "4,fine@example.com,email,0,2024-05-01 10:00:00,\n"
        "5,odd@example.com,email,9,2024-05-01 10:00:00,\n"
    },
    left=frozenset({"left@example.com", "gone@example.com", "staff@example.com"}),
)
SALESFORCE = Sample(
    options='proof = ["written"]\ndata_use = { 0ZW1 = "newsletter" }\n',
    files={
        "ContactPointTypeConsent.csv": "Id,PartyId,ContactPointType,DataUsePurposeId,PrivacyConsentStatus,CaptureDate,"
        "CaptureContactPointType,EffectiveFrom,EffectiveTo,DoubleConsentCaptureDate\n"
        "c1,p1,Email,0ZW1,OptIn,2024-05-01T10:00:00Z,Web,,,2024-05-01T10:05:00Z\n"
        "c2,p2,Email,0ZW1,OptOut,2024-05-01T10:00:00Z,Web,,,\n"
        "c3,p3,Phone,0ZW9,OptOut,,Web,,,\n"
        "c4,p4,Email,0ZW1,OptIn,2024-05-01T10:00:00Z,Web,,2025-05-01T10:00:00Z,\n"
        "c5,p5,Email,0ZW1,,2024-05-01T10:00:00Z,Web,,,\n"
        "c6,p6,Email,0ZW1,Perhaps,2024-05-01T10:00:00Z,Web,,,\n"
        "c7,p7,Phone,0ZW1,OptIn,2024-05-01T10:00:00Z,Email,,,\n"
    },
    left=frozenset({"p2", "p3"}),
)
TRANSCEND = Sample(
    options="""
proof = ["written"]
targets = { News = { purpose = "newsletter", channel = "email" } }
""",
    files={
        "preferences.csv": "identifier,timestamp,purposes,confirmed\n"
        'yes@example.com,2024-05-01T10:00:00Z,"{""News"": true}",true\n'
        'default@example.com,2024-05-01T10:00:00Z,"{""News"": true}",false\n'
        'left@example.com,2024-05-01T10:00:00Z,"{""News"": false, ""Other"": false}",true\n'
        'auto@example.com,2024-05-01T10:00:00Z,"{""News"": ""Auto""}",true\n'
        "odd@example.com,2024-05-01T10:00:00Z,News,true\n"
    },
    left=frozenset({"left@example.com"}),
)
REGISTRY = Sample(
    options='registry = "US_NATIONAL_DNC"\ncountry = "US"\nas_of = "2026-11-01"\n',
    files={"dnc.txt": "201,5550123\n201,5550124\nnone,listed\n202,5550125\n"},
    left=frozenset({"2015550123", "2015550124", "2025550125"}),
)

SAMPLES = {
    "table": TABLE,
    "mailchimp": MAILCHIMP,
    "listmonk": LISTMONK,
    "hubspot": HUBSPOT,
    "klaviyo": KLAVIYO,
    "braze": BRAZE,
    "mautic": MAUTIC,
    "salesforce": SALESFORCE,
    "transcend": TRANSCEND,
    "registry": REGISTRY,
}
