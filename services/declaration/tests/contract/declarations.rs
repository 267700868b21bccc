//! Forms that declaration itself refuses: the answer names field and reason, does not repeat the value, and nothing is
//! stored. Identity's own tests cover its refusals, and `applications` how they are passed on.

use http_body_util::Full;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::policy::Caller;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use prost::Message as _;
use tonic::Code;
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::{Declaration, form, request_id, start, stay};

on_both_engines!(
    contact_history_is_of_today_and_the_14_local_days_before,
    a_missing_commitment_is_named,
    a_name_that_is_too_long_is_named_and_not_repeated,
    a_name_of_a_megabyte_is_refused_unread,
    bytes_that_are_no_utf_8_are_refused_unread,
    a_request_without_a_usable_id_or_form_is_refused,
    everything_that_is_wrong_is_named_at_once,
);

/// Nothing is stored here, at identity or at risk-rules.
async fn assert_nothing_stored(declaration: &Declaration) {
    assert_eq!(declaration.stored().await, [0, 0, 0]);
    assert_eq!(declaration.identity.registered(), 0);
    assert_eq!(declaration.risk_rules.calls(), 0);
}

async fn refusal(declaration: &Declaration, form: wire::ApplicationForm) -> Fault {
    let refused = declaration.apply(1, form).await.unwrap_err();
    assert_eq!(&*refused.reason, "INVALID_FIELDS");
    refused
}

async fn contact_history_is_of_today_and_the_14_local_days_before(bed: Bed) {
    let declaration = start(bed).await;
    // 23:30 UTC is 07:30 of the next day in local time.
    let at = lutong_kernel::Timestamp::parse("2022-11-26T23:30:00Z").unwrap();
    declaration.bed.clock.set(at);
    for day in ["2022-11-28", "2022-11-12"] {
        let mut bad = form();
        bad.contact_history = vec![stay("2022-11-27"), stay(day)];
        let refused = refusal(&declaration, bad).await;
        assert_eq!(
            violations(&refused),
            ["form.contact_history[1].contact_date DATE_OUTSIDE_14_DAYS"],
            "{day}"
        );
    }
    assert_nothing_stored(&declaration).await;
    let mut good = form();
    good.contact_history = vec![stay("2022-11-27"), stay("2022-11-13")];
    declaration.apply(1, good).await.unwrap();
}

async fn a_missing_commitment_is_named(bed: Bed) {
    let declaration = start(bed).await;
    let commitment = |accepted, version: &str| {
        Some(wire::Commitment {
            accepted,
            text_version: version.to_owned(),
        })
    };
    for (stated, named) in [
        (None, "form.commitment MISSING"),
        (commitment(false, "2020-02"), "form.commitment.accepted MISSING"),
        (commitment(true, ""), "form.commitment.text_version MISSING"),
        (
            commitment(true, &"2".repeat(21)),
            "form.commitment.text_version TOO_LONG",
        ),
    ] {
        let mut bad = form();
        bad.commitment = stated;
        assert_eq!(violations(&refusal(&declaration, bad).await), [named]);
    }
    assert_nothing_stored(&declaration).await;
}

async fn a_name_that_is_too_long_is_named_and_not_repeated(bed: Bed) {
    let declaration = start(bed).await;
    let mut bad = form();
    // As long as a message may be at most.
    bad.person.as_mut().unwrap().full_name = "龘".repeat(80_000);
    let refused = refusal(&declaration, bad).await;
    assert_eq!(violations(&refused), ["form.person.full_name TOO_LONG"]);
    assert!(!format!("{refused:?}").contains('龘'));
    assert_nothing_stored(&declaration).await;
}

async fn a_name_of_a_megabyte_is_refused_unread(bed: Bed) {
    let declaration = start(bed).await;
    let mut bad = form();
    bad.person.as_mut().unwrap().full_name = "龘".repeat(350_000);
    let call = declaration.bed.call_as(&lutong_testing::citizen("wx-1", None));
    let request = call.request(wire::CreateApplicationRequest {
        request_id: request_id(1),
        form: Some(bad),
        replaces: String::new(),
    });
    let refused = declaration
        .client()
        .create_application(request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(crate::fault(&refused).reason, "MESSAGE_TOO_LARGE");
    assert!(!refused.message().contains('龘'));
    assert_nothing_stored(&declaration).await;
}

async fn bytes_that_are_no_utf_8_are_refused_unread(bed: Bed) {
    let declaration = start(bed).await;
    let mut good = form();
    let person = good.person.as_mut().unwrap();
    "WWWWWW".clone_into(&mut person.full_name);
    let request = wire::CreateApplicationRequest {
        request_id: request_id(1),
        form: Some(good),
        replaces: String::new(),
    };
    let mut message = request.encode_to_vec();
    let at = message.windows(6).position(|six| six == b"WWWWWW").unwrap();
    message[at..at + 6].copy_from_slice(b"\xff\xfe\xc3\x28\x80\x80");
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let call = declaration.bed.call_as(&lutong_testing::citizen("wx-1", None));
    let (metadata, _, ()) = call.request(()).into_parts();
    let mut raw = http::Request::post("/lutong.declaration.v1.ApplicationService/CreateApplication")
        .body(Body::new(Full::from(frame)))
        .unwrap();
    *raw.headers_mut() = metadata.into_headers();
    raw.headers_mut()
        .insert("content-type", "application/grpc".parse().unwrap());
    let channel = declaration
        .bed
        .channel(lutong_kernel::ServiceName::Declaration, Caller::Gateway);
    let response = channel.oneshot(raw).await.unwrap();
    let refused = tonic::Status::from_header_map(response.headers()).unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fault = crate::fault(&refused);
    assert_eq!(fault.reason, "MESSAGE_UNREADABLE");
    assert_eq!(fault.violations[0].field, "form.person.full_name");
    assert_nothing_stored(&declaration).await;
}

async fn a_request_without_a_usable_id_or_form_is_refused(bed: Bed) {
    let declaration = start(bed).await;
    for (id, form, named) in [
        ("", Some(form()), "request_id MISSING"),
        ("1", Some(form()), "request_id UUID_SHAPE"),
        (
            "00000000-0000-7000-9000-00000000000A",
            Some(form()),
            "request_id UUID_SHAPE",
        ),
        ("00000000-0000-7000-9000-00000000000a", None, "form MISSING"),
    ] {
        let call = declaration.bed.call_as(&lutong_testing::citizen("wx-1", None));
        let request = wire::CreateApplicationRequest {
            request_id: id.to_owned(),
            form,
            replaces: String::new(),
        };
        let answer = declaration
            .client()
            .create_application(call.request(request))
            .await;
        assert_eq!(violations(&crate::fault(&answer.unwrap_err())), [named], "{id}");
    }
    assert_nothing_stored(&declaration).await;
}

async fn everything_that_is_wrong_is_named_at_once(bed: Bed) {
    let declaration = start(bed).await;
    let mut entry = stay("26.11.2022");
    entry.r#type = 0;
    "青岛市南".clone_into(&mut entry.division);
    entry.community = "x".repeat(201);
    let bad = wire::ApplicationForm {
        person: None,
        mobile_proof: None,
        contact_history: vec![entry],
        commitment: None,
    };
    let refused = refusal(&declaration, bad).await;
    assert_eq!(
        violations(&refused),
        [
            "form.person MISSING",
            "form.contact_history[0].contact_date DATE_SHAPE",
            "form.contact_history[0].type MISSING",
            "form.contact_history[0].division DIVISION_SHAPE",
            "form.contact_history[0].community TOO_LONG",
            "form.commitment MISSING",
        ]
    );
    let told = format!("{refused:?}");
    assert!(
        !told.contains("青岛市南") && !told.contains("26.11"),
        "what was written is not repeated"
    );
    let mut many = form();
    many.contact_history = vec![stay("2022-11-26"); 101];
    let refused = refusal(&declaration, many).await;
    assert_eq!(violations(&refused), ["form.contact_history TOO_MANY"]);
    assert_nothing_stored(&declaration).await;
}
