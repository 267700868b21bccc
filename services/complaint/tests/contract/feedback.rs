//! Feedback: filed, numbered, followed.

use lutong_kernel::{FaultCode, Timestamp};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time;
use lutong_testing::{Bed, on_both_engines, violations};
use wire::FeedbackCategory::{HealthData, Technical};
use wire::create_complaint_request::Kind as FiledKind;

use crate::{TEXT, fault, feedback, request_id, start};

on_both_engines!(
    feedback_is_filed_numbered_and_followed,
    a_number_is_read_as_people_type_it,
    a_mistyped_number_is_found_before_anybody_searches,
    nobody_reads_anothers_feedback,
    own_complaints_are_listed_page_by_page_the_newest_first,
    a_page_token_is_of_one_list_and_one_filter_and_says_nothing,
    a_repeated_request_is_answered_alike_and_another_body_is_a_conflict,
    what_is_wrong_with_feedback_is_named_and_nothing_is_stored,
    what_was_written_is_not_stored_readably,
    a_text_of_a_megabyte_is_refused_unread,
);

fn text(complaint: &wire::Complaint) -> &str {
    let Some(wire::complaint::Kind::Feedback(feedback)) = &complaint.kind else {
        panic!("no feedback: {complaint:?}")
    };
    &feedback.text
}

async fn feedback_is_filed_numbered_and_followed(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint
        .file("wx-1", 1, HealthData, &format!(" {TEXT}\n"))
        .await
        .unwrap();
    let now = complaint.0.foundation.now();
    assert_eq!(
        filed,
        wire::Complaint {
            name: format!("complaints/{}", filed.complaint_id),
            complaint_id: filed.complaint_id.clone(),
            state: wire::ComplaintState::Filed.into(),
            create_time: Some(time::from_micros(now.micros())),
            // The fifth working day after a Saturday is a Friday.
            due_time: Some(time::from_micros(
                Timestamp::parse("2022-12-03T00:00:00+08:00").unwrap().micros()
            )),
            messages: Vec::new(),
            etag: filed.etag.clone(),
            division: "370000".to_owned(),
            allowed_actions: Vec::new(),
            revisit: None,
            outcome: None,
            kind: Some(wire::complaint::Kind::Feedback(feedback(HealthData.into(), TEXT))),
        }
    );
    let (day, letters) = filed.complaint_id.split_once('-').unwrap();
    assert_eq!((day, letters.len()), ("SD20221126", 8));
    assert_eq!(complaint.find("wx-1", &filed.name).await.unwrap(), filed);
    let second = complaint.file("wx-1", 2, Technical, TEXT).await.unwrap();
    assert_ne!(second.complaint_id, filed.complaint_id);
}

async fn a_number_is_read_as_people_type_it(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file("wx-1", 1, Technical, TEXT).await.unwrap();
    let typed = filed
        .complaint_id
        .to_lowercase()
        .replace('0', "o")
        .replace('1', "l");
    let found = complaint
        .find("wx-1", &format!("complaints/{typed}"))
        .await
        .unwrap();
    assert_eq!(found, filed, "{typed}");
}

async fn a_mistyped_number_is_found_before_anybody_searches(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file("wx-1", 1, Technical, TEXT).await.unwrap();
    let number = filed.complaint_id.as_bytes();
    // Each character replaced by the next one of the alphabet, then each pair of neighbours swapped.
    let alphabet = b"0123456789ABCDEFGHJKMNPQRSTWXYZ";
    for place in 11..number.len() {
        let mut typed = number.to_vec();
        let at = alphabet
            .iter()
            .position(|letter| *letter == typed[place])
            .unwrap();
        typed[place] = alphabet[(at + 1) % alphabet.len()];
        let name = format!("complaints/{}", String::from_utf8(typed).unwrap());
        let refused = complaint.find("wx-1", &name).await.unwrap_err();
        assert_eq!(violations(&refused), ["name TRACKING_NUMBER"], "{name}");
        assert!(refused.violations[0].en.contains("mistyped"), "{refused:?}");
    }
    for (name, reason) in [
        ("", "MISSING"),
        ("complaints/", "NAME_SHAPE"),
        ("complaints/SD20221126", "TRACKING_NUMBER"),
        (filed.complaint_id.as_str(), "NAME_SHAPE"),
        ("people/1", "NAME_SHAPE"),
    ] {
        let refused = complaint.find("wx-1", name).await.unwrap_err();
        assert_eq!(
            (refused.code, violations(&refused)),
            (FaultCode::InvalidArgument, vec![format!("name {reason}")]),
            "{name}"
        );
    }
}

async fn nobody_reads_anothers_feedback(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file("wx-1", 1, HealthData, TEXT).await.unwrap();
    let theirs = complaint.find("wx-2", &filed.name).await.unwrap_err();
    // A valid number that was never assigned.
    let unknown = lutong_complaint::domain::tracking::TrackingNumber::new(
        complaint.0.foundation.now().local_day(),
        &lutong_kernel::random::SeededRandom::new(99),
    );
    let nobodys = complaint
        .find("wx-2", &format!("complaints/{unknown}"))
        .await
        .unwrap_err();
    assert_eq!(
        (theirs.code, &*theirs.reason),
        (FaultCode::NotFound, "COMPLAINT_NOT_FOUND")
    );
    assert_eq!(
        theirs, nobodys,
        "an answer does not tell whether there is such feedback"
    );
}

async fn own_complaints_are_listed_page_by_page_the_newest_first(bed: Bed) {
    let complaint = start(bed).await;
    let mut filed = Vec::new();
    for n in 1..=5 {
        filed.insert(0, complaint.file("wx-1", n, Technical, TEXT).await.unwrap().name);
        // Two of them at the same instant.
        if n != 3 {
            complaint.0.clock.advance(std::time::Duration::from_secs(60));
        }
    }
    filed[1..3].sort();
    complaint.file("wx-2", 9, Technical, TEXT).await.unwrap();
    let (all, next) = complaint.list("wx-1", 0, "").await.unwrap();
    assert_eq!((&all, next.as_str()), (&filed, ""));
    for size in 1..=5 {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (page, next) = complaint.list("wx-1", size, &token).await.unwrap();
            assert!(page.len() <= usize::try_from(size).unwrap());
            seen.extend(page);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, filed, "pages of {size}");
    }
    assert_eq!(
        complaint.list("wx-3", 0, "").await.unwrap(),
        (Vec::new(), String::new())
    );
}

async fn a_page_token_is_of_one_list_and_one_filter_and_says_nothing(bed: Bed) {
    let complaint = start(bed).await;
    for n in 1..=3 {
        complaint.file("wx-1", n, Technical, TEXT).await.unwrap();
    }
    let (page, token) = complaint.list("wx-1", 1, "").await.unwrap();
    let url_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    assert!(token.chars().all(url_safe), "{token}");
    let id = page[0].rsplit('/').next().unwrap();
    assert!(!token.contains(id));
    // Used by another account it pages through that account's own list.
    assert_eq!(
        complaint.list("wx-2", 1, &token).await.unwrap().0,
        Vec::<String>::new()
    );
    let mut altered = token.clone().into_bytes();
    let last = altered.len() / 2;
    altered[last] = if altered[last] == b'A' { b'B' } else { b'A' };
    for foreign in [String::from_utf8(altered).unwrap().as_str(), "x", "1", "=="] {
        let refused = complaint.list("wx-1", 1, foreign).await.unwrap_err();
        assert_eq!(
            violations(&refused),
            ["page_token PAGE_TOKEN_FOREIGN"],
            "{foreign}"
        );
    }
}

async fn a_repeated_request_is_answered_alike_and_another_body_is_a_conflict(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file("wx-1", 1, HealthData, TEXT).await.unwrap();
    complaint.0.clock.advance(std::time::Duration::from_secs(3_600));
    assert_eq!(complaint.file("wx-1", 1, HealthData, TEXT).await.unwrap(), filed);
    for (category, text) in [(Technical, TEXT), (HealthData, "另一件事")] {
        let refused = complaint.file("wx-1", 1, category, text).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::AlreadyExists, "REQUEST_ID_REUSED")
        );
    }
    assert_eq!(complaint.stored().await, [1, 1]);
    // Another account's request of the same id is another request.
    let theirs = complaint.file("wx-2", 1, HealthData, TEXT).await.unwrap();
    assert_ne!(theirs.complaint_id, filed.complaint_id);
}

async fn what_is_wrong_with_feedback_is_named_and_nothing_is_stored(bed: Bed) {
    let complaint = start(bed).await;
    let request = |id: &str, category: i32, text: &str| wire::CreateComplaintRequest {
        request_id: id.to_owned(),
        kind: Some(FiledKind::Feedback(feedback(category, text))),
        division: String::new(),
    };
    let id = request_id(1);
    let technical = Technical.into();
    for (request, named) in [
        (
            request(&id, 0, " \n"),
            &["feedback.category MISSING", "feedback.text MISSING"][..],
        ),
        (request(&id, 99, TEXT), &["feedback.category UNKNOWN_VALUE"]),
        (
            request(&id, technical, &"秘".repeat(2_001)),
            &["feedback.text TOO_LONG"],
        ),
        (
            request(&id, technical, "秘\u{0}"),
            &["feedback.text TEXT_CONTROL"],
        ),
        (
            request(&id, technical, "秘\u{202e}"),
            &["feedback.text TEXT_BIDI"],
        ),
        (
            request(&id, technical, "秘\u{200b}"),
            &["feedback.text TEXT_INVISIBLE"],
        ),
        (request("", technical, TEXT), &["request_id MISSING"]),
        (request("1", technical, TEXT), &["request_id UUID_SHAPE"]),
        (
            wire::CreateComplaintRequest {
                request_id: id.clone(),
                kind: None,
                division: String::new(),
            },
            &["kind MISSING"],
        ),
    ] {
        let refused = complaint.send("wx-1", request).await.unwrap_err();
        assert_eq!(&*refused.reason, "INVALID_FIELDS");
        assert_eq!(violations(&refused), named);
        assert!(
            !format!("{refused:?}").contains('秘'),
            "what was written is not repeated"
        );
    }
    assert_eq!(complaint.stored().await, [0, 0]);
    complaint
        .file("wx-1", 1, Technical, &"字".repeat(2_000))
        .await
        .unwrap();
}

async fn what_was_written_is_not_stored_readably(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint
        .file("wx-secret-account", 1, Technical, TEXT)
        .await
        .unwrap();
    for (column, secret) in [("text", TEXT.as_bytes()), ("account", b"wx-secret-account")] {
        let stored = lutong_testing::bytes(&complaint.1, "complaints", column).await;
        assert!(!stored.is_empty());
        assert!(
            !stored.windows(secret.len()).any(|window| window == secret),
            "{column}"
        );
    }
    let found = complaint.find("wx-secret-account", &filed.name).await.unwrap();
    assert_eq!(text(&found), TEXT);
}

async fn a_text_of_a_megabyte_is_refused_unread(bed: Bed) {
    let complaint = start(bed).await;
    let request = wire::CreateComplaintRequest {
        request_id: request_id(1),
        kind: Some(FiledKind::Feedback(feedback(
            Technical.into(),
            &"秘".repeat(350_000),
        ))),
        division: String::new(),
    };
    let request = complaint
        .0
        .call_as(&lutong_testing::citizen("wx-1", None))
        .request(request);
    let refused = complaint.client().create_complaint(request).await.unwrap_err();
    assert_eq!(fault(&refused).reason, "MESSAGE_TOO_LARGE");
    assert_eq!(complaint.stored().await, [0, 0]);
}
