//! The mock as the origin of a code that is shown here: what it says of the code now counts, and not what the code says.

use http::Method;
use lutong_kernel::Colour;
use lutong_tests::instants::now;
use lutong_tests::mesh::{Mesh, Shape};
use lutong_tests::people::{Answer, request_id};
use lutong_tests::process::free_port;
use lutong_token::{Claims, Issuer};
use serde_json::json;

use crate::{Bench, agree};

/// Somebody arrives with a green code of Jiangsu, of which the mock says `outcome`, and nothing without one.
async fn arrive(
    mesh: &Mesh,
    bench: &Bench,
    port: u16,
    (id, outcome): (u8, Option<&str>),
) -> (String, Answer) {
    let claims = Claims::dynamic(Issuer::parse("32").unwrap(), now(), [id; 24], Colour::Green, None);
    let token = mesh.partner.sign(&claims.unwrap()).unwrap();
    let pem = mesh.partner.verifying_key().to_pem().unwrap();
    let code = outcome.map(|outcome| format!("\n[[code]]\ntoken = \"{token}\"\noutcome = \"{outcome}\"\n"));
    let declared = format!(
        "province = \"32\"\nname = \"江苏省\"\naddress = \"http://127.0.0.1:{port}\"\n\n[[key]]\n\
         public_key = \"\"\"\n{pem}\"\"\"\npurposes = [\"MESSAGES\", \"CODES\"]\n{}",
        code.unwrap_or_default()
    );
    bench.write("jiangsu.toml", &declared);
    let _origin = bench.mock_at(&format!("127.0.0.1:{port}"), &[]);
    let person = mesh.gateway.person().await;
    let form = json!({"application": person.form(), "partner_code": {"token": token},
        "destination": {"division": "370202", "detail": "香港中路1号"}});
    let body = json!({"request_id": request_id(), "form": form});
    let answer = person.post("/v1/arrivals", body).await;
    (person.colour().await, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_origin_says_of_a_green_code_is_what_counts_here() {
    let mesh = Mesh::start(Shape::OneProcess).await;
    let bench = Bench::new();
    bench.write_key("jiangsu", &mesh.partner);
    let published = mesh.gateway.call(Method::GET, "/v1/message-key", None, None);
    let published = published.await.unwrap().expect();
    bench.write("shandong.pub", published["public_key"].as_str().unwrap());
    let port = free_port();
    agree(&mesh, &format!("address = \"http://127.0.0.1:{port}\"")).await;
    for (place, (outcome, colour)) in [("GREEN", "green"), ("YELLOW", "yellow"), ("RED", "red")]
        .into_iter()
        .enumerate()
    {
        let id = u8::try_from(place).unwrap();
        let (shown, answer) = arrive(&mesh, &bench, port, (id, Some(outcome))).await;
        assert_eq!(answer.expect()["arrival"]["provenance"]["province"], "32");
        assert_eq!(shown, colour, "{outcome}");
    }
    // It knows nothing of the code, whatever the code says.
    let (shown, answer) = arrive(&mesh, &bench, port, (9, None)).await;
    assert_eq!(answer.reason(), "PARTNER_CODE_REFUSED");
    assert_eq!(shown, "CODE_NOT_FOUND");
}
