//! `ColourMapService`: how values on the wire are read.

use lutong_kernel::{Colour, Fault, ServiceName};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_testing::{Bed, on_both_engines};
use lutong_transport::client::MeshChannel;
use wire::RecognitionOutcome as Outcome;
use wire::colour_map_service_client::ColourMapServiceClient;

use crate::partner_codes::verify;
use crate::{Federation, build, entry, fault, key, metadata, shown, staff, start};

on_both_engines!(
    a_colour_map_says_what_each_value_means,
    a_code_is_read_with_the_map_of_its_partners_interface,
);

impl Federation {
    fn maps(&self) -> ColourMapServiceClient<MeshChannel> {
        ColourMapServiceClient::new(self.bed.channel(ServiceName::Federation, Caller::Gateway))
    }

    async fn map(&self, name: &str) -> Result<wire::ColourMap, Fault> {
        let request = wire::GetColourMapRequest {
            name: name.to_owned(),
        };
        let call = self.bed.call_as(&staff("auditor-1", Role::Auditor));
        let answer = self.maps().get_colour_map(call.request(request)).await;
        answer
            .map(|answer| answer.into_inner().colour_map.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn list_maps(&self, page_token: &str) -> Result<(Vec<String>, String), Fault> {
        let request = wire::ListColourMapsRequest {
            page_size: 5,
            page_token: page_token.to_owned(),
        };
        let call = self.bed.call_as(&staff("auditor-1", Role::Auditor));
        let answer = self.maps().list_colour_maps(call.request(request)).await;
        let answer = answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))?;
        let ids = answer.colour_maps.into_iter().map(|map| map.colour_map_id);
        Ok((ids.collect(), answer.next_page_token))
    }
}

async fn a_colour_map_says_what_each_value_means(bed: Bed) {
    let federation = start(bed).await;
    let map = federation.map("colour-maps/alipay-1").await.unwrap();
    let found = |value: &str| map.meanings.iter().find(|one| one.value == value);
    assert_eq!(found("green").unwrap().outcome(), Outcome::Green);
    assert_eq!(found("init").unwrap().outcome(), Outcome::UnderReview);
    assert!(found("00").is_none());
    for unknown in ["colour-maps/x", "colour-maps/alipay-2"] {
        assert_eq!(
            &*federation.map(unknown).await.unwrap_err().reason,
            "COLOUR_MAP_NOT_FOUND"
        );
    }
    assert_eq!(&*federation.map("x").await.unwrap_err().reason, "INVALID_FIELDS");
    let (mut all, mut token) = federation.list_maps("").await.unwrap();
    while !token.is_empty() {
        let (more, next) = federation.list_maps(&token).await.unwrap();
        all.extend(more);
        token = next;
    }
    assert!(all.len() >= 13 && all.is_sorted(), "{all:?}");
    assert_eq!(
        &*federation.list_maps("x").await.unwrap_err().reason,
        "INVALID_FIELDS"
    );
}

async fn a_code_is_read_with_the_map_of_its_partners_interface(bed: Bed) {
    let federation = start(bed).await;
    // Its interface writes colours otherwise than a token does: nothing of it is guessed, green least of all.
    let anhui = key(134);
    let list = format!(
        "version = \"x\"\n{}",
        entry("34", "安徽", &anhui, "").replace("name = ", "interface = \"hospital-1\"\nname = ")
    );
    let bed = federation.bed.reopened();
    build(&bed, &federation.storage, Some(&list), None).await.unwrap();
    for colour in [Colour::Green, Colour::Yellow, Colour::Red] {
        let token = shown(&anhui, "34", bed.foundation.now(), colour);
        let refused = verify(&bed, &token).await.unwrap_err();
        assert_eq!(metadata(&refused, "outcome"), "UNKNOWN_VALUE", "{colour:?}");
    }
    let list = list.replace("hospital-1", "hospital-9");
    let error = build(&bed, &federation.storage, Some(&list), None)
        .await
        .unwrap_err();
    assert!(error.contains("no colour map"), "{error}");
}
