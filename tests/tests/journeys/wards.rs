//! Parents apply for children and show their codes.

use http::Method;
use lutong_tests::mesh::Mesh;
use lutong_tests::people::{Answer, Person, request_id};
use serde_json::{Value, json};

use crate::{today, verify};

/// A resident number of somebody who is ten years old, unique in this run.
fn childs_number() -> String {
    let number = lutong_tests::people::next_number();
    let year: i32 = today()[..4].parse().unwrap();
    let digits = format!("{}{}{}", &number[..6], year - 10, &number[10..17]);
    let check = lutong_kernel::document::check_character(digits.as_bytes()).unwrap();
    format!("{digits}{check}")
}

/// The code of a ward, once it is there.
async fn shown_to(binder: &Person, ward: &str) -> Value {
    let started = std::time::Instant::now();
    loop {
        let answer = binder.get(&format!("/v1/code?subject_id={ward}")).await;
        if answer.status == 200 {
            return answer.body;
        }
        assert!(started.elapsed().as_secs() < 10, "{}", answer.body);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn binding(child: &Person) -> Value {
    json!({
        "request_id": request_id(),
        "relation": "BINDING_RELATION_CHILD",
        "full_name": "王小明",
        "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": child.number},
    })
}

pub async fn a_child_of_the_household_is_shown_by_a_parent_until_the_binding_ends(mesh: &Mesh) {
    let parent = mesh.gateway.person().await;
    parent.apply().await;
    let child = Person {
        number: childs_number(),
        ..mesh.gateway.person().await
    };
    // The child applies with the parent's mobile and home.
    let applied = child.apply().await;
    let ward = applied["subject_id"].as_str().unwrap();
    let shown = async |who: &Person| who.get(&format!("/v1/code?subject_id={ward}")).await;
    assert_eq!(shown(&parent).await.reason(), "CODE_NOT_FOUND");
    let mut asked = binding(&child);
    asked["household_book"] = json!({});
    let binding = parent.post("/v1/bindings", asked).await.expect()["binding"].clone();
    assert_eq!(binding["state"], "BINDING_STATE_ACTIVE");
    assert_eq!(binding["ward_subject_id"], ward);
    let code = shown_to(&parent, ward).await;
    assert_eq!(code["colour"], "COLOUR_GREEN");
    let verified = verify(mesh, code["token"].as_str().unwrap()).await;
    assert_eq!(verified["outcome"], "VERIFICATION_OUTCOME_VALID");
    // The code and nothing of what is behind it: neither the decision nor the child's declarations.
    let decision = parent.get(&format!("/v1/subjects/{ward}/decisions/1")).await;
    assert_ne!(decision.status, 200, "{}", decision.body);
    let declaration = parent
        .get(&format!("/v1/{}", applied["name"].as_str().unwrap()))
        .await;
    assert_eq!(declaration.reason(), "DECLARATION_NOT_FOUND");
    // Nobody else shows it, and the child does not show the parent.
    let stranger = mesh.gateway.person().await;
    stranger.apply().await;
    assert_eq!(shown(&stranger).await.reason(), "CODE_NOT_FOUND");
    let name = binding["name"].as_str().unwrap();
    let end = json!({"request_id": request_id()});
    assert_eq!(
        stranger
            .post(&format!("/v1/{name}:end"), end.clone())
            .await
            .reason(),
        "BINDING_NOT_FOUND"
    );
    let ended = child.post(&format!("/v1/{name}:end"), end).await.expect()["binding"].clone();
    assert_eq!(ended["state"], "BINDING_STATE_ENDED");
    assert_eq!(ended["end_reason"], "BINDING_END_REASON_UNBOUND_BY_WARD");
    assert_eq!(shown(&parent).await.reason(), "CODE_NOT_FOUND");
    shown(&child).await.expect();
}

pub async fn a_parent_applies_for_a_child_who_has_no_account(mesh: &Mesh) {
    let parent = mesh.gateway.person().await;
    parent.apply().await;
    let child = Person {
        number: childs_number(),
        ..mesh.gateway.person().await
    };
    let path = "/v1/ward-applications";
    let application = |name: &str| {
        json!({
            "request_id": request_id(),
            "binding": name,
            "contact_history": [],
            "commitment": {"accepted": true, "text_version": "2020-02"},
        })
    };
    // Nobody is registered with the number: the binding waits for a counter, and the parent applies for nobody.
    let waits = parent.post("/v1/bindings", binding(&child)).await.expect()["binding"].clone();
    assert_eq!(waits["state"], "BINDING_STATE_PENDING_CONSENT", "{waits}");
    let name = waits["name"].as_str().unwrap();
    assert_eq!(parent.post(path, application(name)).await.reason(), "WRONG_STATE");
    let confirm = json!({
        "request_id": request_id(),
        "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": child.number},
        "purpose": {"code": "PURPOSE_CODE_ASSISTANCE", "reference": ""},
    });
    let session = mesh.gateway.session("counter-1").await;
    let confirmed = format!("/v1/{name}:confirm");
    let confirmed = mesh
        .gateway
        .call(Method::POST, &confirmed, Some(&session), Some(confirm));
    confirmed.await.unwrap().expect();
    let bound = parent.get(&format!("/v1/{name}")).await.expect()["binding"].clone();
    let ward = bound["ward_subject_id"].as_str().unwrap();
    let applied = parent.post(path, application(name)).await.expect()["ward_application"].clone();
    assert_eq!(applied["subject_id"], ward, "{applied}");
    let code = shown_to(&parent, ward).await;
    assert_eq!(code["colour"], "COLOUR_GREEN");
    let verified = verify(mesh, code["token"].as_str().unwrap()).await;
    assert_eq!(verified["outcome"], "VERIFICATION_OUTCOME_VALID");
    // Nobody else by the same binding, nor learns of the application.
    let stranger = mesh.gateway.person().await;
    stranger.apply().await;
    let refused: Answer = stranger.post(path, application(name)).await;
    assert_eq!(refused.reason(), "BINDING_NOT_FOUND");
    let made = format!("/v1/{}", applied["name"].as_str().unwrap());
    assert_eq!(stranger.get(&made).await.reason(), "DECLARATION_NOT_FOUND");
    // Once a counter has seen that an account is the child's own, the child applies with it.
    let own = child.apply_with(child.form()).await.expect()["application"].clone();
    let confirm = json!({
        "request_id": request_id(),
        "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": child.number},
        "full_name": "王小明",
        "purpose": {"code": "PURPOSE_CODE_ASSISTANCE", "reference": ""},
    });
    let confirmed = format!("/v1/{}:confirm", own["registration"].as_str().unwrap());
    let confirmed = mesh
        .gateway
        .call(Method::POST, &confirmed, Some(&session), Some(confirm));
    confirmed.await.unwrap().expect();
    let refused = parent.post(path, application(name)).await;
    assert_eq!(refused.reason(), "WARD_HAS_ACCOUNT");
}
