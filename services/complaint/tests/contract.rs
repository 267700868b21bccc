//! What complaint promises over its contract, on both engines.

#![allow(clippy::unwrap_used)]

use lutong_chassis::on_both_engines;
use lutong_chassis::storage::StorageConfig;
use lutong_chassis::testing::{self, Bed};
use lutong_complaint::Migrations;
use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::feedback_service_client::FeedbackServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::time;
use wire::FeedbackCategory::{HealthData, Technical};

on_both_engines!(
    feedback_is_filed_numbered_and_followed,
    a_number_is_read_as_people_type_it,
    a_mistyped_number_is_found_before_anybody_searches,
    nobody_reads_anothers_feedback,
    a_repeated_request_is_answered_alike_and_another_body_is_a_conflict,
    what_is_wrong_with_feedback_is_named_and_nothing_is_stored,
    what_was_written_is_not_stored_readably,
    a_text_of_a_megabyte_is_refused_unread,
);

const TEXT: &str = "我的码昨天变黄，\n但我没有离开青岛。";

struct Complaint(Bed, StorageConfig);

async fn start(bed: Bed) -> Complaint {
    let storage = bed.storage::<Migrations>(ServiceName::Complaint).await;
    let component = lutong_complaint::build(&bed.foundation, &storage).await;
    bed.bind(component.unwrap());
    Complaint(bed, storage)
}

fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-9000-{n:012}")
}

fn fault(status: &tonic::Status) -> Fault {
    lutong_chassis::status::to_fault(status, "complaint")
}

fn wrong(fault: &Fault) -> Vec<String> {
    let list = fault.violations.iter();
    list.map(|one| format!("{} {}", one.field, one.reason)).collect()
}

impl Complaint {
    fn client(&self) -> FeedbackServiceClient<lutong_chassis::MeshChannel> {
        FeedbackServiceClient::new(self.0.channel(ServiceName::Complaint, Caller::Gateway))
    }

    async fn send(
        &self,
        account: &str,
        request: wire::CreateFeedbackRequest,
    ) -> Result<wire::Feedback, Fault> {
        let request = self.0.call_as(&testing::citizen(account, None)).request(request);
        let answer = self.client().create_feedback(request).await;
        answer
            .map(|answer| answer.into_inner().feedback.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn file(
        &self,
        account: &str,
        n: u32,
        category: wire::FeedbackCategory,
        text: &str,
    ) -> Result<wire::Feedback, Fault> {
        let request = wire::CreateFeedbackRequest {
            request_id: request_id(n),
            category: category.into(),
            text: text.to_owned(),
        };
        self.send(account, request).await
    }

    async fn find(&self, account: &str, name: &str) -> Result<wire::Feedback, Fault> {
        let request = wire::GetFeedbackRequest {
            name: name.to_owned(),
        };
        let request = self.0.call_as(&testing::citizen(account, None)).request(request);
        let answer = self.client().get_feedback(request).await;
        answer
            .map(|answer| answer.into_inner().feedback.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn stored(&self) -> [i64; 2] {
        [
            testing::rows(&self.1, "feedback").await,
            testing::rows(&self.1, "idempotency").await,
        ]
    }
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
        wire::Feedback {
            name: format!("feedback/{}", filed.tracking_number),
            tracking_number: filed.tracking_number.clone(),
            category: HealthData.into(),
            state: wire::FeedbackState::Filed.into(),
            create_time: Some(time::from_micros(now.micros())),
            text: TEXT.to_owned(),
        }
    );
    let (day, letters) = filed.tracking_number.split_once('-').unwrap();
    assert_eq!((day, letters.len()), ("SD20221126", 8));
    assert_eq!(complaint.find("wx-1", &filed.name).await.unwrap(), filed);
    let second = complaint.file("wx-1", 2, Technical, TEXT).await.unwrap();
    assert_ne!(second.tracking_number, filed.tracking_number);
}

async fn a_number_is_read_as_people_type_it(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file("wx-1", 1, Technical, TEXT).await.unwrap();
    let typed = filed
        .tracking_number
        .to_lowercase()
        .replace('0', "o")
        .replace('1', "l");
    let found = complaint
        .find("wx-1", &format!("feedback/{typed}"))
        .await
        .unwrap();
    assert_eq!(found, filed, "{typed}");
}

async fn a_mistyped_number_is_found_before_anybody_searches(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file("wx-1", 1, Technical, TEXT).await.unwrap();
    let number = filed.tracking_number.as_bytes();
    // Each place of the check and of what it checks, one character on; then two neighbours swapped.
    let alphabet = b"0123456789ABCDEFGHJKMNPQRSTWXYZ";
    for place in 11..number.len() {
        let mut typed = number.to_vec();
        let at = alphabet
            .iter()
            .position(|letter| *letter == typed[place])
            .unwrap();
        typed[place] = alphabet[(at + 1) % alphabet.len()];
        let name = format!("feedback/{}", String::from_utf8(typed).unwrap());
        let refused = complaint.find("wx-1", &name).await.unwrap_err();
        assert_eq!(wrong(&refused), ["name TRACKING_NUMBER"], "{name}");
        assert!(refused.violations[0].en.contains("mistyped"), "{refused:?}");
    }
    for name in [
        "",
        "feedback/",
        "feedback/SD20221126",
        &filed.tracking_number,
        "people/1",
    ] {
        let refused = complaint.find("wx-1", name).await.unwrap_err();
        assert_eq!(
            (refused.code, wrong(&refused)),
            (
                FaultCode::InvalidArgument,
                vec!["name TRACKING_NUMBER".to_owned()]
            ),
            "{name}"
        );
    }
}

async fn nobody_reads_anothers_feedback(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file("wx-1", 1, HealthData, TEXT).await.unwrap();
    let theirs = complaint.find("wx-2", &filed.name).await.unwrap_err();
    // A good number that nobody was given: the other account's next one, had it been filed.
    let unknown = lutong_complaint::domain::tracking::TrackingNumber::new(
        complaint.0.foundation.now().local_day(),
        &lutong_kernel::random::SeededRandom::new(99),
    );
    let nobodys = complaint
        .find("wx-2", &format!("feedback/{unknown}"))
        .await
        .unwrap_err();
    assert_eq!(
        (theirs.code, &*theirs.reason),
        (FaultCode::NotFound, "FEEDBACK_NOT_FOUND")
    );
    assert_eq!(
        theirs, nobodys,
        "an answer does not tell whether there is such feedback"
    );
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
    assert_ne!(theirs.tracking_number, filed.tracking_number);
}

async fn what_is_wrong_with_feedback_is_named_and_nothing_is_stored(bed: Bed) {
    let complaint = start(bed).await;
    let request = |id: &str, category: i32, text: &str| wire::CreateFeedbackRequest {
        request_id: id.to_owned(),
        category,
        text: text.to_owned(),
    };
    let id = request_id(1);
    let technical = Technical.into();
    for (request, named) in [
        (
            request(&id, 0, " \n"),
            &["category CATEGORY_UNKNOWN", "text MISSING"][..],
        ),
        (request(&id, 99, TEXT), &["category CATEGORY_UNKNOWN"]),
        (request(&id, technical, &"秘".repeat(2_001)), &["text TEXT_SHAPE"]),
        (request(&id, technical, "秘\u{0}"), &["text TEXT_CONTROL"]),
        (request(&id, technical, "秘\u{202e}"), &["text TEXT_BIDI"]),
        (request(&id, technical, "秘\u{200b}"), &["text TEXT_INVISIBLE"]),
        (request("", technical, TEXT), &["request_id REQUEST_ID_MISSING"]),
        (request("1", technical, TEXT), &["request_id REQUEST_ID_SHAPE"]),
    ] {
        let refused = complaint.send("wx-1", request).await.unwrap_err();
        assert_eq!(&*refused.reason, "INVALID_FIELDS");
        assert_eq!(wrong(&refused), named);
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
        let stored = testing::bytes(&complaint.1, "feedback", column).await;
        assert!(!stored.is_empty());
        assert!(
            !stored.windows(secret.len()).any(|window| window == secret),
            "{column}"
        );
    }
    assert_eq!(
        complaint
            .find("wx-secret-account", &filed.name)
            .await
            .unwrap()
            .text,
        TEXT
    );
}

async fn a_text_of_a_megabyte_is_refused_unread(bed: Bed) {
    let complaint = start(bed).await;
    let request = wire::CreateFeedbackRequest {
        request_id: request_id(1),
        category: Technical.into(),
        text: "秘".repeat(350_000),
    };
    let request = complaint
        .0
        .call_as(&testing::citizen("wx-1", None))
        .request(request);
    let refused = complaint.client().create_feedback(request).await.unwrap_err();
    assert_eq!(
        lutong_chassis::status::to_fault(&refused, "complaint").reason,
        "MESSAGE_TOO_LARGE"
    );
    assert_eq!(complaint.stored().await, [0, 0]);
}
