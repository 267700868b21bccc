//! Calls of a person or checkpoint to the gateway.

use lutong_kernel::ManualClock;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::device_bound_code_service_client::DeviceBoundCodeServiceClient;
use lutong_proto::code_rendering::v1::paper_code_service_client::PaperCodeServiceClient;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::code_rendering::v1::{
    CreateDeviceBoundCodeRequest, CreatePaperCodeRequest, ImageFormat, PaperFormat, ShowCodeRequest,
    ShowCodeResponse, ShowPaperCodeRequest, VerifyTokenRequest,
};
use lutong_proto::complaint::v1::complaint_service_client::ComplaintServiceClient;
use lutong_proto::complaint::v1::{
    CreateComplaintRequest, Feedback, FeedbackCategory, GetComplaintRequest, complaint,
    create_complaint_request,
};
use lutong_proto::declaration::v1::application_service_client::ApplicationServiceClient;
use lutong_proto::declaration::v1::arrival_service_client::ArrivalServiceClient;
use lutong_proto::declaration::v1::ward_application_service_client::WardApplicationServiceClient;
use lutong_proto::declaration::v1::{
    Arrival, ArrivalForm, ContactEntry, CreateApplicationRequest, CreateArrivalRequest,
    CreateWardApplicationRequest, DeclarationState, Destination, GetArrivalRequest, OverseasOrigin,
    PartnerCodeOrigin, arrival_form,
};
use lutong_proto::identity::v1::binding_service_client::BindingServiceClient;
use lutong_proto::identity::v1::{
    Binding, BindingRelation, CreateBindingRequest, HouseholdBook, create_binding_request,
};
use lutong_proto::risk_rules::v1::GetDecisionRequest;
use lutong_proto::risk_rules::v1::decision_service_client::DecisionServiceClient;
use lutong_token::VerifyingKey;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::super::demo_mesh::{DemoMesh, request_id};
use super::super::people::{Person, commitment};
use lutong_client::Failure;
use lutong_client::client::{Calls, Gateway, failed, reason};
use lutong_client::output::in_language;

/// A person who has signed in.
pub struct Holder {
    who: Person,
    calls: Calls,
    now: ManualClock,
}

impl Holder {
    pub async fn sign_in(mesh: &DemoMesh, who: Person) -> Result<Self, Failure> {
        Self::sign_in_at(&mesh.gateway, &mesh.clock, who).await
    }

    /// Somebody who signs in at the system of a gateway.
    pub async fn sign_in_at(gateway: &Gateway, clock: &ManualClock, who: Person) -> Result<Self, Failure> {
        Ok(Self {
            who,
            calls: gateway.sign_in(who.account).await?,
            now: clock.clone(),
        })
    }

    /// Somebody who has signed in through a channel.
    pub fn with_session(mesh: &DemoMesh, who: Person, session: &str) -> Result<Self, Failure> {
        Ok(Self {
            who,
            calls: mesh.gateway.with_session(session)?,
            now: mesh.clock.clone(),
        })
    }

    /// The person's own calls.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    pub const fn name(&self) -> &'static str {
        self.who.name
    }

    fn request_id(&self) -> String {
        request_id(&self.now)
    }

    /// Applies; the error is the reason of a refusal.
    pub async fn apply(&self, history: Vec<ContactEntry>) -> Result<(), String> {
        let request = CreateApplicationRequest {
            request_id: self.request_id(),
            form: Some(self.who.form(history)),
            replaces: String::new(),
        };
        let answer = ApplicationServiceClient::new(self.calls.clone())
            .create_application(request)
            .await;
        answer.map(drop).map_err(|status| reason(&status))
    }

    async fn arrive(&self, origin: arrival_form::Origin, wait_for_entry: bool) -> Result<Arrival, Status> {
        let request = CreateArrivalRequest {
            request_id: self.request_id(),
            form: Some(ArrivalForm {
                application: Some(self.who.form(Vec::new())),
                origin: Some(origin),
                destination: Some(Destination {
                    division: "370202".to_owned(),
                    detail: "香港中路1号".to_owned(),
                    arrive_time: None,
                }),
                itinerary: Vec::new(),
            }),
            wait_for_entry,
        };
        let answer = ArrivalServiceClient::new(self.calls.clone())
            .create_arrival(request)
            .await?;
        Ok(answer.into_inner().arrival.unwrap_or_default())
    }

    /// Declares an arrival with a partner's code; returns the province it was converted from, or the reason of a
    /// refusal.
    pub async fn arrive_with(&self, token: String) -> Result<String, String> {
        let origin = arrival_form::Origin::PartnerCode(PartnerCodeOrigin { token });
        let arrival = self.arrive(origin, false).await;
        let arrival = arrival.map_err(|status| reason(&status))?;
        Ok(arrival.provenance.unwrap_or_default().province)
    }

    /// Declares an arrival from abroad that waits for what is not reported yet.
    pub async fn arrive_and_wait(&self, country: &str) -> Result<Arrival, Failure> {
        let origin = arrival_form::Origin::Overseas(OverseasOrigin {
            country: country.to_owned(),
        });
        let arrival = self.arrive(origin, true).await;
        arrival.map_err(|status| failed(&status))
    }

    pub async fn arrival_state(&self, name: &str) -> Result<DeclarationState, Failure> {
        let request = GetArrivalRequest {
            name: name.to_owned(),
        };
        let answer = ArrivalServiceClient::new(self.calls.clone())
            .get_arrival(request)
            .await;
        let arrival = answer.map_err(|status| failed(&status))?.into_inner().arrival;
        Ok(arrival.unwrap_or_default().state())
    }

    /// Binds a child of the household.
    pub async fn bind_child(&self, child: Person) -> Result<Binding, Failure> {
        let request = CreateBindingRequest {
            request_id: self.request_id(),
            relation: BindingRelation::Child.into(),
            full_name: child.name.to_owned(),
            document: Some(child.document()),
            proof: Some(create_binding_request::Proof::HouseholdBook(HouseholdBook {})),
        };
        let answer = BindingServiceClient::new(self.calls.clone())
            .create_binding(request)
            .await;
        let made = answer.map_err(|status| failed(&status))?.into_inner().binding;
        Ok(made.unwrap_or_default())
    }

    /// Applies for the ward of a binding; returns how far the application is.
    pub async fn apply_for_ward(&self, binding: &str) -> Result<DeclarationState, Failure> {
        let request = CreateWardApplicationRequest {
            request_id: self.request_id(),
            binding: binding.to_owned(),
            contact_history: Vec::new(),
            commitment: Some(commitment()),
        };
        let answer = WardApplicationServiceClient::new(self.calls.clone())
            .create_ward_application(request)
            .await;
        let made = answer.map_err(|status| failed(&status))?.into_inner();
        Ok(made.ward_application.unwrap_or_default().state())
    }

    /// The code of a ward, or the reason of a refusal.
    pub async fn ward_token(&self, ward: &str) -> Result<String, String> {
        let request = ShowCodeRequest {
            subject_id: ward.to_owned(),
            image_format: ImageFormat::Unspecified.into(),
        };
        let shown = CodeServiceClient::new(self.calls.clone())
            .show_code(request)
            .await;
        shown
            .map(|shown| shown.into_inner().token)
            .map_err(|status| reason(&status))
    }

    /// Declares an arrival from abroad; returns the refusal's reason with its fields, and its text.
    pub async fn arrive_from_abroad(&self, country: &str) -> Result<(String, String), Failure> {
        let origin = arrival_form::Origin::Overseas(OverseasOrigin {
            country: country.to_owned(),
        });
        match self.arrive(origin, false).await {
            Ok(_) => Ok(("accepted".to_owned(), String::new())),
            Err(status) => {
                let details = status.get_error_details();
                let wrong = details
                    .bad_request()
                    .map(|bad| bad.field_violations.as_slice())
                    .unwrap_or_default();
                let fields: Vec<_> = wrong.iter().map(|one| one.field.as_str()).collect();
                let zh = details.localized_message().map(|text| text.message.as_str());
                Ok((
                    format!("{}: {}", reason(&status), fields.join(", ")),
                    in_language(zh.unwrap_or(status.message()), status.message()).to_owned(),
                ))
            }
        }
    }

    async fn show(&self, format: ImageFormat) -> Result<ShowCodeResponse, Status> {
        let request = ShowCodeRequest {
            subject_id: String::new(),
            image_format: format.into(),
        };
        Ok(CodeServiceClient::new(self.calls.clone())
            .show_code(request)
            .await?
            .into_inner())
    }

    pub async fn token(&self) -> Result<String, Failure> {
        let shown = self.show(ImageFormat::Unspecified).await;
        Ok(shown.map_err(|status| failed(&status))?.token)
    }

    /// The token of a new code on paper.
    pub async fn paper_token(&self) -> Result<String, Failure> {
        let mut papers = PaperCodeServiceClient::new(self.calls.clone());
        let made = papers.create_paper_code(CreatePaperCodeRequest {
            request_id: self.request_id(),
            ..CreatePaperCodeRequest::default()
        });
        let made = made.await.map_err(|status| failed(&status))?.into_inner();
        let shown = papers.show_paper_code(ShowPaperCodeRequest {
            name: made.paper_code.unwrap_or_default().name,
            subject_id: String::new(),
            format: PaperFormat::PdfA4.into(),
        });
        Ok(shown.await.map_err(|status| failed(&status))?.into_inner().token)
    }

    /// The token that is bound to the key of a telephone.
    pub async fn bound_token(&self, key: &VerifyingKey) -> Result<Vec<u8>, Failure> {
        let made = DeviceBoundCodeServiceClient::new(self.calls.clone())
            .create_device_bound_code(CreateDeviceBoundCodeRequest {
                request_id: self.request_id(),
                device_key: key.raw().to_vec(),
                end_earlier: false,
            })
            .await;
        let made = made.map_err(|status| failed(&status))?.into_inner();
        Ok(made.device_bound_code.unwrap_or_default().bound_token)
    }

    /// The colour that the code shows, or why it shows none.
    pub async fn colour(&self) -> Result<String, Failure> {
        Ok(match self.show(ImageFormat::Unspecified).await {
            Ok(shown) => shown
                .colour()
                .as_str_name()
                .trim_start_matches("COLOUR_")
                .to_lowercase(),
            Err(status) => reason(&status),
        })
    }

    /// The code drawn as SVG, with what is shown beside it.
    pub async fn drawn(&self) -> Result<ShowCodeResponse, Failure> {
        let shown = self.show(ImageFormat::Svg).await;
        shown.map_err(|status| failed(&status))
    }

    /// The reasons for the colour, the guidance, and the drawn code.
    pub async fn explain(&self) -> Result<String, Failure> {
        let asked = GetDecisionRequest {
            name: "subjects/me/decisions/latest".to_owned(),
        };
        let answer = DecisionServiceClient::new(self.calls.clone())
            .get_decision(asked)
            .await;
        let decision = answer
            .map_err(|status| failed(&status))?
            .into_inner()
            .decision
            .unwrap_or_default();
        let mut said = String::new();
        for citation in &decision.citations {
            let why = citation.reason.clone().unwrap_or_default();
            said.push_str(&format!(
                "{} ({})\n",
                in_language(&why.zh, &why.en),
                citation.rule_id
            ));
            let basis = citation.legal_basis.clone().unwrap_or_default();
            said.push_str(&format!("依据 {}\n", basis.text.unwrap_or_default().zh));
        }
        let guidance = decision.guidance.unwrap_or_default();
        said.push_str(&format!("{}\n", in_language(&guidance.zh, &guidance.en)));
        let shown = self
            .show(ImageFormat::Terminal)
            .await
            .map_err(|status| failed(&status))?;
        let word = shown.word.unwrap_or_default();
        let word = in_language(&word.zh, &word.en);
        said.push_str(&format!("{word} {} {}\n", shown.shape, shown.name_mask));
        let picture = shown.image.unwrap_or_default();
        said.push_str(&String::from_utf8_lossy(&picture.data));
        Ok(said)
    }

    pub async fn file_feedback(&self, text: &str) -> Result<String, Failure> {
        let request = CreateComplaintRequest {
            request_id: self.request_id(),
            kind: Some(create_complaint_request::Kind::Feedback(Feedback {
                category: FeedbackCategory::Technical.into(),
                text: text.to_owned(),
            })),
            division: String::new(),
        };
        let answer = ComplaintServiceClient::new(self.calls.clone())
            .create_complaint(request)
            .await;
        let filed = answer
            .map_err(|status| failed(&status))?
            .into_inner()
            .complaint
            .unwrap_or_default();
        Ok(filed.complaint_id)
    }

    pub async fn find_feedback(&self, number: &str) -> Result<String, Failure> {
        let request = GetComplaintRequest {
            name: format!("complaints/{number}"),
        };
        let answer = ComplaintServiceClient::new(self.calls.clone())
            .get_complaint(request)
            .await;
        let found = answer
            .map_err(|status| failed(&status))?
            .into_inner()
            .complaint
            .unwrap_or_default();
        match found.kind {
            Some(complaint::Kind::Feedback(feedback)) => Ok(feedback.text),
            _ => Ok(String::new()),
        }
    }
}

/// Verifies a token as a checkpoint; returns the outcome and its text.
pub async fn verify(mesh: &DemoMesh, token: &str) -> Result<(String, String), Failure> {
    let calls = mesh.gateway.sign_in("checkpoint-1").await?;
    let request = VerifyTokenRequest {
        token: token.to_owned(),
    };
    let answer = VerificationServiceClient::new(calls).verify_token(request).await;
    let verified = answer.map_err(|status| failed(&status))?.into_inner();
    let words = verified.message.clone().unwrap_or_default();
    Ok((
        verified.outcome().as_str_name().to_owned(),
        in_language(&words.zh, &words.en).to_owned(),
    ))
}
