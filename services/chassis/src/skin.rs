//! Checks between the wire and a handler: bounds, permit, request key, page. The generated handler traits of
//! `lutong-skin` take the checked values, so that a forgotten check does not compile.

mod cursor;
mod page;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use lutong_kernel::{Fault, Violation};
use lutong_proto::bounds::Bounded;
use lutong_proto::requests::{self, Addressed, Paged, Repeatable, Target};
use tonic::{Request, Response, Status, Streaming};

use lutong_storage::idempotency::{Idempotency, RequestKey};
use lutong_transport::access::{Grant, Permit};
use lutong_transport::reply;
use lutong_transport::server::MessageBytes;
use lutong_transport::status;

pub use cursor::{Cursor, foreign as foreign_cursor};
pub use page::{Page, PageKey};

/// An admitted read.
#[derive(Debug, Clone)]
pub struct Query<P> {
    pub grant: Grant,
    pub permit: P,
}

/// An admitted request for a page of a list.
#[derive(Debug, Clone)]
pub struct Listing<P> {
    pub grant: Grant,
    pub permit: P,
    pub page: Page,
}

/// An admitted request for events after a cursor.
#[derive(Debug, Clone)]
pub struct Following<P> {
    pub grant: Grant,
    pub permit: P,
    pub from: Cursor,
}

/// An admitted mutation, executed once per `request_id`.
#[derive(Debug, Clone)]
pub struct Mutation<P> {
    pub grant: Grant,
    pub permit: P,
    /// Must be claimed in the transaction of the effect ([`lutong_storage::idempotency::claim`]).
    pub request: RequestKey,
}

/// The stream of answers that a handler returns.
pub type Answers<T> = BoxStream<'static, Result<T, Fault>>;

/// The same stream as sent to the client.
pub type Sent<T> = BoxStream<'static, Result<T, Status>>;

/// Converts a use case's stream to a gRPC answer; a fault ends it with its status.
pub fn answer_stream<T: 'static>(result: Result<Answers<T>, Fault>) -> Result<Response<Sent<T>>, Status> {
    let sent = |answers: Answers<T>| Response::new(answers.map_err(status::from_fault).boxed());
    result.map(sent).map_err(status::from_fault)
}

/// What the generated services need besides their handlers.
#[derive(Debug, Clone)]
pub struct Skin {
    requests: Idempotency,
    pages: PageKey,
}

impl Skin {
    pub fn new(requests: Idempotency, pages: PageKey) -> Self {
        Self { requests, pages }
    }

    pub fn query<P: Permit, M: Bounded + Addressed>(
        &self,
        request: Request<M>,
    ) -> Result<(Query<P>, M), Fault> {
        let (grant, message) = admitted(request)?;
        let permit = permitted(&grant, &message)?;
        Ok((Query { grant, permit }, message))
    }

    /// A client stream: its messages are checked as they are read.
    pub fn stream<P: Permit, M>(
        &self,
        request: Request<Streaming<M>>,
    ) -> Result<(Query<P>, Streaming<M>), Fault> {
        let grant = reply::grant(&request)?;
        let permit = P::admit(&grant, &Target::default())?;
        Ok((Query { grant, permit }, request.into_inner()))
    }

    pub fn listing<P: Permit, M: Bounded + Addressed + Paged>(
        &self,
        request: Request<M>,
    ) -> Result<(Listing<P>, M), Fault> {
        let (grant, message) = admitted(request)?;
        let permit = permitted(&grant, &message)?;
        let (size, token) = message.page();
        let page = self
            .pages
            .open(grant.rpc().name, &filter(&message), size, token)?;
        Ok((Listing { grant, permit, page }, message))
    }

    pub fn following<P: Permit, M: Bounded + Addressed + requests::Following>(
        &self,
        request: Request<M>,
    ) -> Result<(Following<P>, M), Fault> {
        let (grant, message) = admitted(request)?;
        let permit = permitted(&grant, &message)?;
        let (size, cursor) = message.place();
        let from = self.pages.follow(grant.rpc().name, size, cursor)?;
        Ok((Following { grant, permit, from }, message))
    }

    pub fn mutation<P: Permit, M: Bounded + Addressed + Repeatable>(
        &self,
        request: Request<M>,
    ) -> Result<(Mutation<P>, M), Fault> {
        let bytes = request.extensions().get::<MessageBytes>().cloned();
        let (grant, message) = admitted(request)?;
        let request_id = reply::request_id(message.request_id()).map_err(reply::wrong)?;
        let permit = permitted(&grant, &message)?;
        let Some(MessageBytes(bytes)) = bytes else {
            return Err(Fault::internal("a request reached its handler without its bytes"));
        };
        let account = &grant.principal().account;
        let request = self.requests.key(account, grant.rpc().name, request_id, &bytes);
        Ok((
            Mutation {
                grant,
                permit,
                request,
            },
            message,
        ))
    }
}

/// Bounds are checked before the permit, so that an invalid field is reported whoever the caller is.
fn admitted<M: Bounded>(request: Request<M>) -> Result<(Grant, M), Fault> {
    let grant = reply::grant(&request)?;
    let message = request.into_inner();
    message.check()?;
    Ok((grant, message))
}

fn permitted<P: Permit, M: Addressed>(grant: &Grant, message: &M) -> Result<P, Fault> {
    P::admit(grant, &message.target())
}

fn filter<M: Paged>(message: &M) -> Vec<u8> {
    message.clone().without_page().encode_to_vec()
}

/// The fault of a page token that this list did not issue.
fn foreign_token() -> Fault {
    reply::wrong(Violation::new(
        "page_token",
        "PAGE_TOKEN_FOREIGN",
        "分页标记不属于此查询，请从第一页重新查询",
        "is not a token of this list with this filter: begin at the first page",
    ))
}
