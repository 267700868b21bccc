"""One person's way through the API with a client made from its description: nothing of the client is written by hand.

    PYTHONPATH=FOLDER_OF_THE_CLIENT python3 journey.py http://127.0.0.1:8080
"""

import sys
import uuid

from lutong_client import AuthenticatedClient, Client
from lutong_client.api.applications import create_application
from lutong_client.api.code import show_code
from lutong_client.api.complaints import create_complaint, get_complaint, list_complaints
from lutong_client.api.sessions import create_dev_session
from lutong_client.api.tokens import verify_token
from lutong_client import models

base = sys.argv[1]


def signed_in(account: str) -> AuthenticatedClient:
    with Client(base_url=base) as client:
        session = create_dev_session.sync(client=client, body=models.SignInRequest(account_id=account))
    assert isinstance(session, models.Session), session
    return AuthenticatedClient(base_url=base, token=session.token)


citizen = signed_in("wx-python")
application = models.CreateApplicationRequest.from_dict(
    {
        "request_id": str(uuid.uuid4()),
        "form": {
            "person": {
                "full_name": "张小强",
                "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": "110105194912310046"},
                "mobile": "13800138002",
                "nationality": "CHN",
                "home_address": {"division": "370202", "detail": "香港中路3号"},
            },
            "contact_history": [],
            "commitment": {"accepted": True, "text_version": "2020-02"},
        },
    }
)
applied = create_application.sync(client=citizen, body=application)
assert isinstance(applied, models.CreateApplicationResponse), applied

code = show_code.sync(client=citizen)
assert isinstance(code, models.ShowCodeResponse), code
assert code.colour == "COLOUR_GREEN", code.colour

verified = verify_token.sync(client=signed_in("checkpoint-1"), body=models.VerifyTokenRequest(token=code.token))
assert isinstance(verified, models.VerifyTokenResponse), verified
assert verified.outcome == "VERIFICATION_OUTCOME_VALID", verified.outcome

filed = create_complaint.sync(
    client=citizen,
    body=models.CreateComplaintRequestFeedback.from_dict(
        {
            "request_id": str(uuid.uuid4()),
            "feedback": {"category": "FEEDBACK_CATEGORY_TECHNICAL", "text": "健康码打不开"},
        }
    ),
)
assert isinstance(filed, models.CreateComplaintResponse), filed
complaint = filed.complaint.complaint_id
asked = get_complaint.sync(complaint, client=citizen)
assert isinstance(asked, models.GetComplaintResponse) and asked.complaint.name == filed.complaint.name, asked
listed = list_complaints.sync(client=citizen, page_size=10)
assert complaint in [one.complaint_id for one in listed.complaints], listed

refused = get_complaint.sync("SD20221126-AAAAAAAA", client=citizen)
assert isinstance(refused, models.Problem) and len(refused.trace_id) == 32, refused
print(complaint, code.colour)
