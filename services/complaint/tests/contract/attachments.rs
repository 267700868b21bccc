//! Files that belong to complaints.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::complaint::v1::attachment_service_client::AttachmentServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::policy::Role;
use lutong_testing::{Bed, citizen, on_both_engines, violations};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::AttachmentState::{Ready, Uploading};

use crate::{
    Act, Complaint, agent, all_roles, case_name, fakes, fault, next_request_id, officer, purpose, staff,
    start,
};

on_both_engines!(
    a_file_is_uploaded_cleaned_and_read_by_its_filer_and_the_officer,
    a_piece_is_taken_once_wherever_an_answer_is_lost,
    a_file_that_is_not_kept_is_refused_and_gone,
    at_most_five_files_belong_to_a_complaint_that_is_open,
    what_is_not_complete_in_an_hour_is_dropped,
    files_of_a_closed_case_are_deleted_once_their_time_is_over_and_the_log_says_so,
    files_of_a_case_that_is_open_again_are_kept,
    a_file_out_of_reach_is_answered_like_one_that_is_not_there,
    what_is_wrong_with_a_file_is_named,
    whoever_appeals_sees_who_looked_at_their_files,
    staff_add_files_to_a_case_that_they_reach_and_the_filer_sees_none_of_them,
    what_is_wrong_with_a_file_of_staff_is_named,
);

const SECRET: &str = "36.0671N,120.3826E";
const CHUNK: usize = 48 * 1024;
const NOBODYS: &str = "attachments/00000000-0000-7000-8000-0000000000ff";

/// A picture of noise, so that it has many pieces.
pub fn picture(side: u32) -> Vec<u8> {
    let mut seed = 1_u32;
    let pixels: Vec<u8> = (0..side * side * 3)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        })
        .collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder
        .add_text_chunk("Comment".to_owned(), SECRET.to_owned())
        .unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    out
}

fn datum<'a>(fault: &'a Fault, key: &str) -> &'a str {
    let found = fault.metadata.iter().find(|(name, _)| name == key);
    &found.unwrap().1
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

impl Complaint {
    fn files(&self) -> AttachmentServiceClient<MeshChannel> {
        AttachmentServiceClient::new(
            self.0
                .channel(lutong_kernel::ServiceName::Complaint, Caller::Gateway),
        )
    }

    async fn begin_with(
        &self,
        account: &str,
        id: &str,
        complaint: &str,
        size: usize,
    ) -> Result<wire::Attachment, Fault> {
        let request = wire::CreateAttachmentRequest {
            request_id: id.to_owned(),
            complaint: complaint.to_owned(),
            upload_size: i64::try_from(size).unwrap(),
        };
        let call = self.0.call_as(&citizen(account, None));
        let answer = self.files().create_attachment(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().attachment.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn begin(&self, account: &str, complaint: &str, size: usize) -> Result<wire::Attachment, Fault> {
        self.begin_with(account, &next_request_id(), complaint, size)
            .await
    }

    async fn append(
        &self,
        account: &str,
        name: &str,
        offset: usize,
        chunk: &[u8],
    ) -> Result<wire::Attachment, Fault> {
        let request = wire::AppendAttachmentRequest {
            name: name.to_owned(),
            offset: i64::try_from(offset).unwrap(),
            chunk: chunk.to_vec(),
        };
        let call = self.0.call_as(&citizen(account, None));
        let answer = self.files().append_attachment(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().attachment.unwrap())
            .map_err(|status| fault(&status))
    }

    pub async fn upload(
        &self,
        account: &str,
        complaint: &str,
        file: &[u8],
    ) -> Result<wire::Attachment, Fault> {
        let mut attachment = self.begin(account, complaint, file.len()).await?;
        for (n, chunk) in file.chunks(CHUNK).enumerate() {
            attachment = self.append(account, &attachment.name, n * CHUNK, chunk).await?;
        }
        Ok(attachment)
    }

    pub async fn begin_as(
        &self,
        who: &Principal,
        case: &str,
        size: usize,
    ) -> Result<wire::Attachment, Fault> {
        self.begin_as_with(who, &next_request_id(), case, size).await
    }

    async fn begin_as_with(
        &self,
        who: &Principal,
        id: &str,
        case: &str,
        size: usize,
    ) -> Result<wire::Attachment, Fault> {
        let request = wire::CreateCaseAttachmentRequest {
            request_id: id.to_owned(),
            case: case.to_owned(),
            upload_size: i64::try_from(size).unwrap(),
            purpose: purpose(),
        };
        let call = self.0.call_as(who);
        let answer = self.files().create_case_attachment(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().attachment.unwrap())
            .map_err(|status| fault(&status))
    }

    pub async fn append_as(
        &self,
        who: &Principal,
        name: &str,
        offset: usize,
        chunk: &[u8],
    ) -> Result<wire::Attachment, Fault> {
        let request = wire::AppendCaseAttachmentRequest {
            name: name.to_owned(),
            offset: i64::try_from(offset).unwrap(),
            chunk: chunk.to_vec(),
            purpose: purpose(),
        };
        let call = self.0.call_as(who);
        let answer = self.files().append_case_attachment(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().attachment.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn upload_as(&self, who: &Principal, case: &str, file: &[u8]) -> Result<wire::Attachment, Fault> {
        let mut attachment = self.begin_as(who, case, file.len()).await?;
        for (n, chunk) in file.chunks(CHUNK).enumerate() {
            attachment = self.append_as(who, &attachment.name, n * CHUNK, chunk).await?;
        }
        Ok(attachment)
    }

    async fn attached(&self, account: &str, complaint: &str) -> Result<Vec<wire::Attachment>, Fault> {
        let request = wire::ListAttachmentsRequest {
            complaint: complaint.to_owned(),
            ..Default::default()
        };
        let call = self.0.call_as(&citizen(account, None));
        let answer = self.files().list_attachments(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().attachments)
            .map_err(|status| fault(&status))
    }

    pub async fn attached_to_case(
        &self,
        who: &Principal,
        name: &str,
    ) -> Result<Vec<wire::Attachment>, Fault> {
        let request = wire::ListCaseAttachmentsRequest {
            name: name.to_owned(),
            purpose: purpose(),
            ..Default::default()
        };
        let call = self.0.call_as(who);
        let answer = self.files().list_case_attachments(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().attachments)
            .map_err(|status| fault(&status))
    }

    async fn download(&self, account: &str, name: &str) -> Result<(wire::Attachment, Vec<u8>), Fault> {
        use wire::download_attachment_response::Part;
        let request = wire::DownloadAttachmentRequest {
            name: name.to_owned(),
        };
        let call = self.0.call_as(&citizen(account, None));
        let answer = self.files().download_attachment(call.request(request)).await;
        let mut answers = answer.map_err(|status| fault(&status))?.into_inner();
        let (mut attachment, mut file) = (None, Vec::new());
        while let Some(answer) = answers.message().await.map_err(|status| fault(&status))? {
            match answer.part.unwrap() {
                Part::Attachment(first) => attachment = Some(first),
                Part::Chunk(chunk) => {
                    assert!(attachment.is_some() && chunk.len() <= 64 * 1024);
                    file.extend(chunk);
                }
            }
        }
        Ok((attachment.unwrap(), file))
    }

    pub async fn download_of_case(&self, who: &Principal, name: &str) -> Result<Vec<u8>, Fault> {
        use wire::download_case_attachment_response::Part;
        let request = wire::DownloadCaseAttachmentRequest {
            name: name.to_owned(),
            purpose: purpose(),
        };
        let call = self.0.call_as(who);
        let answer = self.files().download_case_attachment(call.request(request)).await;
        let mut answers = answer.map_err(|status| fault(&status))?.into_inner();
        let mut file = Vec::new();
        while let Some(answer) = answers.message().await.map_err(|status| fault(&status))? {
            if let Part::Chunk(chunk) = answer.part.unwrap() {
                file.extend(chunk);
            }
        }
        Ok(file)
    }
}

async fn a_file_is_uploaded_cleaned_and_read_by_its_filer_and_the_officer(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let case = case_name(&filed);
    let before = complaint.case(&officer("370202"), &case).await.unwrap();
    let file = picture(300);
    let begun = complaint.begin("wx-1", &filed.name, file.len()).await.unwrap();
    assert_eq!(
        (begun.state(), begun.next_offset, &*begun.media_type),
        (Uploading, 0, "")
    );
    assert_eq!(begun.complaint, filed.name);
    // Staff see nothing of it before it is complete.
    assert!(
        complaint
            .attached_to_case(&officer("370202"), &case)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        complaint.attached("wx-1", &filed.name).await.unwrap(),
        std::slice::from_ref(&begun)
    );
    assert_eq!(
        &*complaint.download("wx-1", &begun.name).await.unwrap_err().reason,
        "ATTACHMENT_NOT_FOUND"
    );
    let mut last = begun.clone();
    for (n, chunk) in file.chunks(CHUNK).enumerate() {
        last = complaint
            .append("wx-1", &begun.name, n * CHUNK, chunk)
            .await
            .unwrap();
    }
    assert_eq!(
        (last.state(), &*last.media_type, last.digest.len()),
        (Ready, "image/png", 64)
    );
    assert!(last.expire_time.is_none());
    let (shown, kept) = complaint.download("wx-1", &begun.name).await.unwrap();
    assert_eq!(shown, last);
    assert_eq!(usize::try_from(last.size).unwrap(), kept.len());
    assert!(kept.len() > 64 * 1024 && has(&file, SECRET.as_bytes()) && !has(&kept, SECRET.as_bytes()));
    for who in [&officer("370202"), &all_roles("boss", "370000")] {
        assert_eq!(
            complaint.attached_to_case(who, &case).await.unwrap(),
            [last.clone()]
        );
        assert_eq!(complaint.download_of_case(who, &begun.name).await.unwrap(), kept);
    }
    // The officer who has not seen it acts on something else.
    let after = complaint.case(&officer("370202"), &case).await.unwrap();
    assert_ne!(before.etag, after.etag);
    let events = complaint.events(&officer("370202"), &case).await.unwrap();
    let last = events.last().unwrap();
    assert_eq!((&*last.event, &*last.actor), ("attach", "filer"));
    // Encrypted, also while it was uploaded.
    let stored = lutong_testing::bytes(&complaint.1, "attachment_pieces", "content").await;
    assert!(!has(&stored, &kept[..64]) && !has(&stored, SECRET.as_bytes()));
}

async fn a_piece_is_taken_once_wherever_an_answer_is_lost(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let file = picture(200);
    let id = next_request_id();
    let begun = complaint
        .begin_with("wx-1", &id, &filed.name, file.len())
        .await
        .unwrap();
    let again = complaint
        .begin_with("wx-1", &id, &filed.name, file.len())
        .await
        .unwrap();
    assert_eq!(begun, again);
    let reused = complaint
        .begin_with("wx-1", &id, &filed.name, 7)
        .await
        .unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    let pieces: Vec<_> = file.chunks(CHUNK).collect();
    assert!(pieces.len() > 2);
    // One that comes too early.
    let early = complaint
        .append("wx-1", &begun.name, CHUNK, pieces[1])
        .await
        .unwrap_err();
    assert_eq!(
        (early.code, &*early.reason),
        (FaultCode::FailedPrecondition, "OFFSET_MISMATCH")
    );
    assert_eq!(datum(&early, "next_offset"), "0");
    for (n, piece) in pieces.iter().enumerate() {
        let first = complaint
            .append("wx-1", &begun.name, n * CHUNK, piece)
            .await
            .unwrap();
        let again = complaint
            .append("wx-1", &begun.name, n * CHUNK, piece)
            .await
            .unwrap();
        assert_eq!(first, again);
        if first.state() == Uploading {
            // Other bytes, and a piece cut elsewhere.
            for (offset, chunk) in [(n * CHUNK, &b"other"[..]), (n * CHUNK + 1, &piece[1..])] {
                let other = complaint
                    .append("wx-1", &begun.name, offset, chunk)
                    .await
                    .unwrap_err();
                assert_eq!(datum(&other, "next_offset"), first.next_offset.to_string());
            }
        }
    }
    let (shown, kept) = complaint.download("wx-1", &begun.name).await.unwrap();
    assert_eq!(
        (shown.state(), usize::try_from(shown.size).unwrap()),
        (Ready, kept.len())
    );
    let events = complaint
        .events(&officer("370202"), &case_name(&filed))
        .await
        .unwrap();
    assert_eq!(events.iter().filter(|event| event.event == "attach").count(), 1);
}

async fn a_file_that_is_not_kept_is_refused_and_gone(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let cut = picture(20);
    let files: [(&[u8], &str); 4] = [
        (b"<html><script>alert(1)</script></html>", "OTHER_TYPE"),
        (b"PK\x03\x04", "OTHER_TYPE"),
        (&cut[..100], "DAMAGED"),
        (b"%PDF-1.7 nothing", "DAMAGED"),
    ];
    for (file, cause) in files {
        let begun = complaint.begin("wx-1", &filed.name, file.len()).await.unwrap();
        let refused = complaint.append("wx-1", &begun.name, 0, file).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::InvalidArgument, "FILE_REFUSED")
        );
        assert_eq!(datum(&refused, "cause"), cause);
        let gone = complaint.append("wx-1", &begun.name, 0, file).await.unwrap_err();
        assert_eq!(
            (gone.code, &*gone.reason),
            (FaultCode::NotFound, "ATTACHMENT_NOT_FOUND")
        );
    }
    assert!(complaint.attached("wx-1", &filed.name).await.unwrap().is_empty());
    for table in ["attachments", "attachment_pieces"] {
        assert_eq!(lutong_testing::rows(&complaint.1, table).await, 0);
    }
    // Nothing of it is in the log of the case.
    let events = complaint
        .events(&officer("370202"), &case_name(&filed))
        .await
        .unwrap();
    assert_eq!(events.len(), 1);
}

async fn at_most_five_files_belong_to_a_complaint_that_is_open(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let file = picture(8);
    for _ in 0..4 {
        complaint.upload("wx-1", &filed.name, &file).await.unwrap();
    }
    let last = complaint.begin("wx-1", &filed.name, file.len()).await.unwrap();
    let refused = complaint
        .begin("wx-1", &filed.name, file.len())
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "TOO_MANY_ATTACHMENTS")
    );
    assert_eq!(datum(&refused, "most"), "5");
    // Of another complaint there is room.
    let other = complaint.file_place("wx-1", "370202").await;
    complaint.upload("wx-1", &other.name, &file).await.unwrap();
    let boss = all_roles("boss", "370200");
    for act in [Act::TakeUp, Act::Answer, Act::Close] {
        complaint.act(&boss, &case_name(&filed), act).await.unwrap();
    }
    for refused in [
        complaint
            .begin("wx-1", &filed.name, file.len())
            .await
            .unwrap_err(),
        complaint.append("wx-1", &last.name, 0, &file).await.unwrap_err(),
    ] {
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "WRONG_STATE")
        );
        assert_eq!(datum(&refused, "state"), "CLOSED");
    }
    // What it had before is still there.
    assert_eq!(
        complaint
            .attached_to_case(&boss, &case_name(&filed))
            .await
            .unwrap()
            .len(),
        4
    );
}

async fn what_is_not_complete_in_an_hour_is_dropped(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let file = picture(8);
    for _ in 0..5 {
        let begun = complaint.begin("wx-1", &filed.name, file.len()).await.unwrap();
        complaint
            .append("wx-1", &begun.name, 0, &file[..10])
            .await
            .unwrap();
    }
    let begun = complaint.attached("wx-1", &filed.name).await.unwrap().remove(0);
    complaint.0.clock.advance(Duration::from_secs(3_600));
    let gone = complaint
        .append("wx-1", &begun.name, 10, &file[10..])
        .await
        .unwrap_err();
    assert_eq!(&*gone.reason, "ATTACHMENT_NOT_FOUND");
    let kept = complaint.upload("wx-1", &filed.name, &file).await.unwrap();
    for _ in 0..400 {
        if lutong_testing::rows(&complaint.1, "attachments").await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(complaint.attached("wx-1", &filed.name).await.unwrap(), [kept]);
    assert_eq!(lutong_testing::rows(&complaint.1, "attachment_pieces").await, 1);
}

async fn a_file_out_of_reach_is_answered_like_one_that_is_not_there(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let (case, file) = (case_name(&filed), picture(8));
    let theirs = complaint.upload("wx-1", &filed.name, &file).await.unwrap();
    let begun = complaint.begin("wx-1", &filed.name, file.len()).await.unwrap();
    let nobodys = format!("complaints/{}", complaint.unknown_number());
    let refused = complaint.begin("wx-2", &filed.name, 7).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::NotFound, "COMPLAINT_NOT_FOUND")
    );
    assert_eq!(refused, complaint.begin("wx-2", &nobodys, 7).await.unwrap_err());
    let refused = complaint.attached("wx-2", &filed.name).await.unwrap_err();
    assert_eq!(refused, complaint.attached("wx-2", &nobodys).await.unwrap_err());
    for name in [&theirs.name, &begun.name] {
        let refused = complaint.append("wx-2", name, 0, &file).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "ATTACHMENT_NOT_FOUND")
        );
        assert_eq!(
            refused,
            complaint.append("wx-2", NOBODYS, 0, &file).await.unwrap_err()
        );
        let refused = complaint.download("wx-2", name).await.unwrap_err();
        assert_eq!(refused, complaint.download("wx-2", NOBODYS).await.unwrap_err());
    }
    let nobodys = format!("cases/{}", complaint.unknown_number());
    let others = [
        officer("370203"),
        officer("370102"),
        agent(),
        staff("counter-1", Role::CounterStaff, "370202"),
    ];
    for who in &others {
        let refused = complaint.attached_to_case(who, &case).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "CASE_NOT_FOUND")
        );
        assert_eq!(
            refused,
            complaint.attached_to_case(who, &nobodys).await.unwrap_err()
        );
        let refused = complaint.download_of_case(who, &theirs.name).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::NotFound, "ATTACHMENT_NOT_FOUND")
        );
        assert_eq!(
            refused,
            complaint.download_of_case(who, NOBODYS).await.unwrap_err()
        );
    }
    let nowhere = Principal {
        division: None,
        ..officer("370202")
    };
    for refused in [
        complaint.attached_to_case(&nowhere, &case).await.unwrap_err(),
        complaint
            .download_of_case(&nowhere, &theirs.name)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::PermissionDenied, "DIVISION_MISSING")
        );
    }
}

async fn what_is_wrong_with_a_file_is_named(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    for size in [0, 5 * 1024 * 1024 + 1] {
        let refused = complaint.begin("wx-1", &filed.name, size).await.unwrap_err();
        assert_eq!(violations(&refused), ["upload_size OUT_OF_RANGE"]);
    }
    let begun = complaint.begin("wx-1", &filed.name, 10).await.unwrap();
    let append = async |offset, chunk: &[u8]| {
        let refused = complaint
            .append("wx-1", &begun.name, offset, chunk)
            .await
            .unwrap_err();
        violations(&refused)
    };
    assert_eq!(append(0, &[7; 11]).await, ["chunk BEYOND_SIZE"]);
    assert_eq!(append(0, &vec![7; CHUNK + 1]).await, ["chunk TOO_LONG"]);
    assert_eq!(append(0, &[]).await, ["chunk MISSING"]);
    for name in ["attachments/1", "complaints/1"] {
        for refused in [
            complaint.append("wx-1", name, 0, &[7]).await.unwrap_err(),
            complaint.download("wx-1", name).await.unwrap_err(),
            complaint
                .download_of_case(&officer("370202"), name)
                .await
                .unwrap_err(),
        ] {
            assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
        }
    }
    let refused = complaint.attached("wx-1", "complaints/1").await.unwrap_err();
    assert_eq!(violations(&refused), ["complaint TRACKING_NUMBER"]);
    let refused = complaint
        .attached_to_case(&officer("370202"), "cases/1")
        .await
        .unwrap_err();
    assert_eq!(violations(&refused), ["name TRACKING_NUMBER"]);
    assert_eq!(lutong_testing::rows(&complaint.1, "attachment_pieces").await, 0);
}

async fn whoever_appeals_sees_who_looked_at_their_files(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.appeal("wx-1", false).await;
    let file = complaint.upload("wx-1", &filed.name, &picture(8)).await.unwrap();
    complaint
        .download_of_case(&officer("370202"), &file.name)
        .await
        .unwrap();
    for _ in 0..400 {
        if !complaint.2.lookups.told().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let expected = (
        fakes::person("wx-1").to_string(),
        "DownloadCaseAttachment".to_owned(),
    );
    assert_eq!(complaint.2.lookups.told(), [expected]);
}

/// Closes a case: taken up, answered, closed.
async fn close(complaint: &Complaint, name: &str) {
    let boss = all_roles("boss", "370200");
    for act in [Act::TakeUp, Act::Answer, Act::Close] {
        complaint.act(&boss, name, act).await.unwrap();
    }
}

/// Lets days pass, and every worker go round.
async fn let_days_pass(complaint: &Complaint, days: u64) {
    complaint.0.clock.advance(Duration::from_secs(days * 86_400));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
}

async fn files_of_a_closed_case_are_deleted_once_their_time_is_over_and_the_log_says_so(bed: Bed) {
    let complaint = start(bed).await;
    let boss = all_roles("boss", "370200");
    let mut filed = Vec::new();
    for _ in 0..3 {
        filed.push(complaint.file_place("wx-1", "370202").await);
    }
    let mut files = Vec::new();
    for one in &filed {
        files.push(complaint.upload("wx-1", &one.name, &picture(8)).await.unwrap());
    }
    let [closed, merged, open] = [0, 1, 2].map(|n: usize| case_name(&filed[n]));
    // What was merged is closed with the case that goes on.
    complaint
        .act(&boss, &merged, Act::Merge(closed.clone()))
        .await
        .unwrap();
    let_days_pass(&complaint, 61).await;
    assert_eq!(lutong_testing::rows(&complaint.1, "attachments").await, 3);
    close(&complaint, &closed).await;
    let_days_pass(&complaint, 59).await;
    assert_eq!(lutong_testing::rows(&complaint.1, "attachments").await, 3);
    complaint.download_of_case(&boss, &files[0].name).await.unwrap();
    let_days_pass(&complaint, 1).await;
    assert_eq!(lutong_testing::rows(&complaint.1, "attachments").await, 1);
    assert_eq!(lutong_testing::rows(&complaint.1, "attachment_pieces").await, 1);
    for (case, file) in [(&closed, &files[0]), (&merged, &files[1])] {
        assert_eq!(complaint.attached_to_case(&boss, case).await.unwrap(), []);
        let gone = complaint.download_of_case(&boss, &file.name).await.unwrap_err();
        assert_eq!(gone.reason, "ATTACHMENT_NOT_FOUND");
        let log = complaint.events(&boss, case).await.unwrap();
        let deleted: Vec<_> = log.iter().filter(|one| one.event == "delete_files").collect();
        assert_eq!(deleted.len(), 1, "once: {log:?}");
        assert_eq!((&*deleted[0].actor, &*deleted[0].text), ("clock", "1"));
    }
    assert_eq!(complaint.attached_to_case(&boss, &open).await.unwrap().len(), 1);
    assert_eq!(
        complaint.case(&boss, &closed).await.unwrap().state(),
        wire::ComplaintState::Closed
    );
}

async fn files_of_a_case_that_is_open_again_are_kept(bed: Bed) {
    let complaint = start(bed).await;
    let boss = all_roles("boss", "370200");
    let filed = complaint.file_place("wx-1", "370202").await;
    let file = complaint.upload("wx-1", &filed.name, &picture(8)).await.unwrap();
    let case = case_name(&filed);
    close(&complaint, &case).await;
    let_days_pass(&complaint, 30).await;
    complaint.act(&boss, &case, Act::Reopen).await.unwrap();
    let_days_pass(&complaint, 61).await;
    complaint.download_of_case(&boss, &file.name).await.unwrap();
    // The time runs anew from when it is closed again.
    close(&complaint, &case).await;
    let_days_pass(&complaint, 59).await;
    complaint.download_of_case(&boss, &file.name).await.unwrap();
    let_days_pass(&complaint, 1).await;
    assert!(complaint.download_of_case(&boss, &file.name).await.is_err());
}

async fn staff_add_files_to_a_case_that_they_reach_and_the_filer_sees_none_of_them(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let (case, district) = (case_name(&filed), officer("370202"));
    let theirs = complaint.upload("wx-1", &filed.name, &picture(8)).await.unwrap();
    let added = complaint
        .upload_as(&district, &case, &picture(300))
        .await
        .unwrap();
    assert!(added.by_staff && !theirs.by_staff);
    assert_eq!((added.state(), &*added.media_type), (Ready, "image/png"));
    let log = complaint.events(&district, &case).await.unwrap();
    let attached: Vec<_> = log.iter().filter(|one| one.event == "attach").collect();
    let actors: Vec<&str> = attached.iter().map(|one| one.actor.as_str()).collect();
    assert_eq!(actors, ["filer", "staff:officer-370202"]);
    let names = |files: Vec<wire::Attachment>| files.into_iter().map(|one| one.name).collect::<Vec<_>>();
    let seen = complaint.attached_to_case(&district, &case).await.unwrap();
    assert_eq!(names(seen), [theirs.name.clone(), added.name.clone()]);
    let kept = complaint.download_of_case(&district, &added.name).await.unwrap();
    assert!(!has(&kept, SECRET.as_bytes()) && kept.len() > 60 * 1024);
    // The filer, for whom it is not there.
    let seen = complaint.attached("wx-1", &filed.name).await.unwrap();
    assert_eq!(names(seen), std::slice::from_ref(&theirs.name));
    let unseen = complaint.download("wx-1", &added.name).await.unwrap_err();
    assert_eq!(unseen, complaint.download("wx-1", NOBODYS).await.unwrap_err());
    // Neither adds to a file of the other, and neither takes the places of the other.
    let begun = complaint.begin_as(&district, &case, 10).await.unwrap();
    let refused = complaint.append("wx-1", &begun.name, 0, &[7]).await.unwrap_err();
    assert_eq!(refused.reason, "ATTACHMENT_NOT_FOUND");
    for _ in 0..4 {
        complaint.begin("wx-1", &filed.name, 10).await.unwrap();
    }
    for _ in 0..3 {
        complaint.begin_as(&district, &case, 10).await.unwrap();
    }
    let sixth = complaint.begin_as(&district, &case, 10).await.unwrap_err();
    assert_eq!(sixth.reason, "TOO_MANY_ATTACHMENTS");
}

async fn what_is_wrong_with_a_file_of_staff_is_named(bed: Bed) {
    let complaint = start(bed).await;
    let filed = complaint.file_place("wx-1", "370202").await;
    let (case, district) = (case_name(&filed), officer("370202"));
    let theirs = complaint.begin("wx-1", &filed.name, 10).await.unwrap();
    let wrong = complaint
        .begin_as(&district, &case, 5 * 1024 * 1024 + 1)
        .await
        .unwrap_err();
    assert_eq!(violations(&wrong), ["upload_size OUT_OF_RANGE"]);
    let wrong = complaint.begin_as(&district, "cases/1", 10).await.unwrap_err();
    assert_eq!(violations(&wrong), ["case TRACKING_NUMBER"]);
    let nobodys = format!("cases/{}", complaint.unknown_number());
    let unknown = complaint.begin_as(&district, &nobodys, 10).await.unwrap_err();
    assert_eq!(unknown.reason, "CASE_NOT_FOUND");
    let begun = complaint.begin_as(&district, &case, 10).await.unwrap();
    for who in [
        officer("370203"),
        agent(),
        staff("counter-1", Role::CounterStaff, "370202"),
    ] {
        assert_eq!(complaint.begin_as(&who, &case, 10).await.unwrap_err(), unknown);
        let refused = complaint.append_as(&who, &begun.name, 0, &[7]).await.unwrap_err();
        assert_eq!(refused.reason, "ATTACHMENT_NOT_FOUND");
    }
    let of_filer = complaint
        .append_as(&district, &theirs.name, 0, &[7])
        .await
        .unwrap_err();
    assert_eq!(of_filer.reason, "ATTACHMENT_NOT_FOUND");
    let nowhere = Principal {
        division: None,
        ..district.clone()
    };
    for refused in [
        complaint.begin_as(&nowhere, &case, 10).await.unwrap_err(),
        complaint
            .append_as(&nowhere, &begun.name, 0, &[7])
            .await
            .unwrap_err(),
    ] {
        assert_eq!(refused.reason, "DIVISION_MISSING");
    }
    let id = next_request_id();
    let first = complaint.begin_as_with(&district, &id, &case, 12).await.unwrap();
    assert_eq!(
        complaint.begin_as_with(&district, &id, &case, 12).await.unwrap(),
        first
    );
    let other = complaint
        .begin_as_with(&district, &id, &case, 13)
        .await
        .unwrap_err();
    assert_eq!(other.reason, "REQUEST_ID_REUSED");
    let wrong = complaint
        .append_as(&district, &begun.name, 0, &[7; 11])
        .await
        .unwrap_err();
    assert_eq!(violations(&wrong), ["chunk BEYOND_SIZE"]);
    let gap = complaint
        .append_as(&district, &begun.name, 5, &[7])
        .await
        .unwrap_err();
    assert_eq!(gap.reason, "OFFSET_MISMATCH");
    let refused = complaint
        .append_as(&district, &begun.name, 0, &[7; 10])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "FILE_REFUSED");
    // What was begun before the case was closed is not kept after it.
    let (file, boss) = (picture(8), all_roles("boss", "370200"));
    let late = complaint.begin_as(&boss, &case, file.len()).await.unwrap();
    close(&complaint, &case).await;
    let refused = complaint
        .append_as(&boss, &late.name, 0, &file)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    let refused = complaint.begin_as(&boss, &case, 10).await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
}
