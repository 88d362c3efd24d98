use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::idempotency::Once;
use peregrine_core::job::Job;
use peregrine_core::limit::Occasion;
use peregrine_core::mail::{Letter, Notice};
use peregrine_core::scope::Scope;
use peregrine_core::table::{Also, InsertUserError};
use peregrine_core::user::{NewUser, UniqueName, User, UserView};
use peregrine_http::caller::{ActiveUser, WhereHardened};
use peregrine_http::error::{ApiError, Invalid, Problem};
use peregrine_http::idempotency::{IdempotencyHeader, IdempotencyKey};
use peregrine_http::pace::{Paced, SignUp, count_mail_to};
use peregrine_http::parts::Body;
use peregrine_http::request::Valid;
use peregrine_http::response::Created;
use peregrine_http::web_page::Message;

use crate::UsersState;
use crate::change::NAME_TAKEN;
use crate::circumstances::Circumstances;

/// What everybody is told who signs up where nobody is to learn whose address has an account.
const CHECK_YOUR_MAIL: Message = Message { message: "Check your mail: we have written to this address" };

/// Who asks: anybody, and where sign-in is hardened perhaps an admin.
type Registrant = Paced<SignUp, WhereHardened<ActiveUser>>;
/// What is asked.
type Asked = (IdempotencyKey, Body<NewUser>, Circumstances);

/// Sign up.
///
/// Anybody may. Email and username are unique together, whatever their case: nobody can take one as the other. A mail
/// welcomes the new user, with a link that confirms the address.
///
/// Where sign-in is hardened the answer is 202 and the same whether or not the address has an account: a mail tells its
/// owner which. Only a username that is taken is 409. An admin gets 201 or 409, as everybody does elsewhere.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "users",
    params(IdempotencyHeader),
    request_body = NewUser,
    security((), ("bearer" = ["admin"])),
    responses(
        (status = 201, body = UserView),
        (status = 202, body = Message, description = "Where sign-in is hardened: a mail tells how to go on."),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 409, body = Problem),
        (status = 413, body = Problem),
        (status = 422, body = Invalid),
    ),
)]
pub(crate) async fn create_user(
    State(state): State<UsersState>,
    Valid(Paced { caller: WhereHardened(caller), .. }, (key, Body(new), circumstances)): Valid<Registrant, Asked>,
) -> Result<Created, ApiError> {
    let user = User::new(&new, state.clock.now(), &state.random);
    circumstances.hardened.check_password(&new.password, &user, "password")?;
    // Nobody's mailbox fills up because somebody signs up with its address again and again.
    count_mail_to(&state.limiter, &user.email, Occasion::SignUp).await?;
    let admin = caller.filter(|caller| caller.may(Scope::Admin));
    if circumstances.hardened.0 && admin.is_none() {
        return sign_up_discreetly(&state, &user, new, key, &circumstances).await;
    }
    if !user.unique_names().is_disjoint(&state.first_admin.unique_names()) {
        return Err(NAME_TAKEN);
    }
    let password_hash = state.passwords.hash(new.password.into_secret()).await?;
    let created = Created::at(format!("/api/v1/users/{}", user.id), &UserView::from(user.clone()))?;
    let once = state.idempotency.once(key, None, &created);
    let actor = admin.map_or(user.id, |admin| admin.user.id);
    let event = state.event_of_sign_up(AuditAction::SignedUp, &user, &circumstances).by(Some(actor));
    let welcome = state.mail(Letter::welcome(&user, circumstances.base_url.clone()), user.id);
    let also = Also::nothing().and_promise(state.jobs.promise(&welcome)).and(state.audit.record(&event));
    answer(state.users.insert(&user, &password_hash, &also, once.as_ref()).await, created)
}

/// Signs up without showing whether the address has an account. Both cases read once, hash the password, write once and
/// send one message, so that they take about as long; a mail tells the address's owner.
async fn sign_up_discreetly(
    state: &UsersState,
    user: &User,
    new: NewUser,
    key: IdempotencyKey,
    circumstances: &Circumstances,
) -> Result<Created, ApiError> {
    let kept = state.first_admin.unique_names();
    let is_kept = |name: &str| kept.contains(&UniqueName::of(name));
    if is_kept(&user.username) {
        return Err(NAME_TAKEN);
    }
    let is_known =
        state.users.id_of(&UniqueName::of(user.email.as_str())).await?.is_some() || is_kept(user.email.as_str());
    let password_hash = state.passwords.hash(new.password.into_secret()).await?;
    let created = Created::told(&CHECK_YOUR_MAIL)?;
    let once = state.idempotency.once(key, None, &created);
    if !is_known {
        let welcome = state.mail(Letter::welcome(user, circumstances.base_url.clone()), user.id);
        let event = state.event_of_sign_up(AuditAction::SignedUp, user, circumstances);
        let also = Also::nothing().and_promise(state.jobs.promise(&welcome)).and(state.audit.record(&event));
        match state.users.insert(user, &password_hash, &also, once.as_ref()).await {
            // Somebody was faster with the address, so it is known by now.
            Err(InsertUserError::NameTaken(taken)) if taken.email && !taken.username => {}
            inserted => return answer(inserted, created),
        }
    }
    let notice = Letter::notice(Notice::AlreadyRegistered, &user.email, circumstances.base_url.clone());
    let notice = state.mail(notice, user.id);
    let inserted = state.reserve_username(user, &notice, circumstances, once.as_ref()).await;
    answer(inserted, created)
}

impl UsersState {
    /// Writes what a sign-up comes to whose address has an account.
    async fn reserve_username(
        &self,
        user: &User,
        notice: &Job,
        circumstances: &Circumstances,
        once: Option<&Once>,
    ) -> Result<(), InsertUserError> {
        let event = self.event_of_sign_up(AuditAction::SignUpRefused, user, circumstances).by(None);
        let also = Also::nothing().and_promise(self.jobs.promise(notice)).and(self.audit.record(&event));
        self.users.reserve_username(user, &also, once).await
    }

    fn event_of_sign_up(&self, action: AuditAction, user: &User, circumstances: &Circumstances) -> AuditEvent {
        AuditEvent::new(action, user.id, circumstances.client.address, self.clock.now(), &self.random)
    }
}

fn answer(inserted: Result<(), InsertUserError>, created: Created) -> Result<Created, ApiError> {
    match inserted {
        Ok(()) => Ok(created),
        Err(InsertUserError::KeyUsed(used)) => Created::again(used),
        Err(InsertUserError::NameTaken(_)) => Err(NAME_TAKEN),
        Err(InsertUserError::Table(error)) => Err(error.into()),
    }
}
