//! `PaperCodeService`: parse, call, map.

use futures::StreamExt as _;
use futures::stream;
use lutong_chassis::skin::{Answers, Listing, Mutation, Query};
use lutong_kernel::{Fault, SubjectId};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_skin::code_rendering::v1::PaperCodeHandler;
use lutong_transport::access::{DivisionPermit, WardPermit};
use lutong_transport::reply;

use super::service::PaperCodes;
use crate::fault;
use crate::issued_codes::domain::State;
use crate::issued_codes::service::TextCode;
use crate::sheets::domain::pdf::Paper;
use crate::sheets::rpc::{sheet, sheets};
use crate::showing::rpc::word;

const COLLECTION: &str = "paper-codes";
/// Bytes of one piece of a file.
const PIECE: usize = 60 * 1024;

pub struct PaperCodeRpc(pub PaperCodes);

impl PaperCodeHandler for PaperCodeRpc {
    async fn create_paper_code(
        &self,
        call: Mutation<WardPermit>,
        message: wire::CreatePaperCodeRequest,
    ) -> Result<wire::CreatePaperCodeResponse, Fault> {
        let created = self
            .0
            .codes
            .create(&call.permit, call.request, message.end_earlier);
        Ok(wire::CreatePaperCodeResponse {
            paper_code: Some(created.await?.into()),
        })
    }

    async fn create_assisted_paper_code(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateAssistedPaperCodeRequest,
    ) -> Result<wire::CreateAssistedPaperCodeResponse, Fault> {
        let subject = reply::subject_id(&message.subject_id, "subject_id").map_err(reply::wrong)?;
        let created = self.0.create_assisted(call, subject, message.end_earlier);
        Ok(wire::CreateAssistedPaperCodeResponse {
            paper_code: Some(created.await?.into()),
        })
    }

    async fn print_paper_codes(
        &self,
        call: Query<DivisionPermit>,
        message: wire::PrintPaperCodesRequest,
    ) -> Result<Answers<wire::PrintPaperCodesResponse>, Fault> {
        use wire::print_paper_codes_response::Part;
        let subjects = message.subject_ids.iter().enumerate();
        let subjects = subjects.map(|(row, text)| reply::subject_id(text, &format!("subject_ids[{row}]")));
        let subjects: Vec<SubjectId> = subjects.collect::<Result<_, _>>().map_err(reply::wrong)?;
        let paper = match message.format() {
            wire::PaperFormat::PdfA4 => Paper::A4,
            wire::PaperFormat::PdfCard => Paper::Card,
            wire::PaperFormat::Svg | wire::PaperFormat::Unspecified => {
                return Err(reply::wrong(fault::format_not_pdf()));
            }
        };
        let views = self.0.to_print(call.permit, &subjects).await?;
        let file = sheets(&views, paper).await?;
        let people = views.into_iter().map(|view| {
            Part::Page(wire::PrintedPaperCode {
                paper_code: format!("{COLLECTION}/{}", view.code.id),
                subject_id: view.code.subject.to_string(),
            })
        });
        let pieces: Vec<_> = file
            .chunks(PIECE)
            .map(|piece| Part::Chunk(piece.to_vec()))
            .collect();
        let parts = people
            .chain(pieces)
            .map(|part| Ok(wire::PrintPaperCodesResponse { part: Some(part) }));
        Ok(stream::iter(parts.collect::<Vec<_>>()).boxed())
    }

    async fn get_paper_code(
        &self,
        call: Query<WardPermit>,
        message: wire::GetPaperCodeRequest,
    ) -> Result<wire::GetPaperCodeResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        Ok(wire::GetPaperCodeResponse {
            paper_code: Some(self.0.codes.get(&call.permit, id).await?.into()),
        })
    }

    async fn list_paper_codes(
        &self,
        call: Listing<WardPermit>,
        _: wire::ListPaperCodesRequest,
    ) -> Result<wire::ListPaperCodesResponse, Fault> {
        let (views, next_page_token) = self.0.codes.list(&call.permit, &call.page).await?;
        Ok(wire::ListPaperCodesResponse {
            paper_codes: views.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn end_paper_code(
        &self,
        call: Mutation<WardPermit>,
        message: wire::EndPaperCodeRequest,
    ) -> Result<wire::EndPaperCodeResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let ended = self.0.codes.end(&call.permit, call.request, id).await?;
        Ok(wire::EndPaperCodeResponse {
            paper_code: Some(ended.into()),
        })
    }

    async fn show_paper_code(
        &self,
        call: Query<WardPermit>,
        message: wire::ShowPaperCodeRequest,
    ) -> Result<wire::ShowPaperCodeResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let view = self.0.get_active(&call.permit, id).await?;
        let image = sheet(&view, message.format())?;
        Ok(wire::ShowPaperCodeResponse {
            image: Some(image),
            token: view.token,
        })
    }
}

impl From<State> for wire::PaperCodeState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Expired => Self::Expired,
            State::Ended => Self::Ended,
            State::Revoked => Self::Revoked,
        }
    }
}

impl From<TextCode> for wire::PaperCode {
    fn from(view: TextCode) -> Self {
        let TextCode {
            code: paper_code,
            state,
            mask,
            token: _,
        } = view;
        Self {
            name: format!("{COLLECTION}/{}", paper_code.id),
            paper_code_id: paper_code.id.to_string(),
            subject_id: paper_code.subject.to_string(),
            state: wire::PaperCodeState::from(state).into(),
            colour: WireColour::from(paper_code.colour).into(),
            word: Some(word(paper_code.colour)),
            name_mask: mask.map(|mask| mask.expose().to_owned()).unwrap_or_default(),
            version: paper_code.version,
            create_time: Some(instant(paper_code.created_at)),
            expire_time: Some(instant(paper_code.expires_at)),
            end_time: paper_code.end.map(|end| instant(end.at)),
        }
    }
}
