//! A fake of the ledger of identity.

use std::sync::{Arc, Mutex};

use lutong_kernel::Fault;
use lutong_proto::identity::v1 as identity;
use lutong_transport::status::from_fault;
use tonic::{Request, Response, Status};

/// Records the lookups that are delivered; while it is away, none. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RecordedLookups(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    lookups: Vec<identity::InspectedLookup>,
    is_away: bool,
}

impl RecordedLookups {
    pub fn set_away(&self, is_away: bool) {
        self.0.lock().unwrap().is_away = is_away;
    }

    /// The subject and the RPC of each lookup, sorted.
    pub fn told(&self) -> Vec<(String, String)> {
        let lookups = self.all().into_iter();
        lookups
            .map(|lookup| {
                let (_, rpc) = lookup.rpc.rsplit_once('/').unwrap();
                (lookup.subject_id, rpc.to_owned())
            })
            .collect()
    }

    /// The lookups by subject and RPC: they are delivered in any order.
    pub fn all(&self) -> Vec<identity::InspectedLookup> {
        let mut lookups = self.0.lock().unwrap().lookups.clone();
        lookups.sort_by_key(|lookup| (lookup.subject_id.clone(), lookup.rpc.clone()));
        lookups
    }
}

#[tonic::async_trait]
impl identity::lookup_service_server::LookupService for RecordedLookups {
    async fn record_lookups(
        &self,
        request: Request<identity::RecordLookupsRequest>,
    ) -> Result<Response<identity::RecordLookupsResponse>, Status> {
        let mut records = self.0.lock().unwrap();
        if records.is_away {
            return Err(from_fault(Fault::unavailable("identity")));
        }
        records.lookups.extend(request.into_inner().lookups);
        Ok(Response::new(identity::RecordLookupsResponse {}))
    }

    async fn list_lookups(
        &self,
        _: Request<identity::ListLookupsRequest>,
    ) -> Result<Response<identity::ListLookupsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn inspect_lookups(
        &self,
        _: Request<identity::InspectLookupsRequest>,
    ) -> Result<Response<identity::InspectLookupsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}
