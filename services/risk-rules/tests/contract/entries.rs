//! `CheckEntry`: what is missing for an entry from abroad.

use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};

use crate::mesh::{Mesh, subject};

on_both_engines!(entries_are_asked_for_by_a_subject_id,);

async fn entries_are_asked_for_by_a_subject_id(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    assert_eq!(
        mesh.missing_of_entry(&subject(1).to_string())
            .await
            .unwrap()
            .len(),
        3
    );
    let refused = mesh.missing_of_entry("nobody").await.unwrap_err();
    assert_eq!(violations(&refused), ["subject_id UUID_SHAPE"]);
}
