use axum::extract::State;
use peregrine_core::audit::{AuditAction, AuditEvent};
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
use peregrine_http::race::Race;
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
    // It sends no mail, whoever has the address, and so counts as none.
    if state.first_admin.answers_to(&user.username) {
        return Err(NAME_TAKEN);
    }
    // Nobody's mailbox fills up because somebody signs up with its address again and again.
    count_mail_to(&state.limiter, &user.email, Occasion::SignUp).await?;
    let admin = caller.filter(|caller| caller.may(Scope::Admin));
    if circumstances.hardened.0 && admin.is_none() {
        return sign_up_discreetly(&state, &user, new, key, &circumstances).await;
    }
    if state.first_admin.answers_to(user.email.as_str()) {
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

/// Signs up without showing whether the address has an account. Both cases hash the password, read once, write as many
/// rows of the same tables and send one message, so that they take as long, unless several race for one address; a mail
/// tells the address's owner.
async fn sign_up_discreetly(
    state: &UsersState,
    user: &User,
    new: NewUser,
    key: IdempotencyKey,
    circumstances: &Circumstances,
) -> Result<Created, ApiError> {
    let password_hash = state.passwords.hash(new.password.into_secret()).await?;
    let created = Created::told(&CHECK_YOUR_MAIL)?;
    let once = state.idempotency.once(key, None, &created);
    let welcome = state.mail(Letter::welcome(user, circumstances.base_url.clone()), user.id);
    let notice = Letter::notice(Notice::AlreadyRegistered, &user.email, circumstances.base_url.clone());
    let notice = state.mail(notice, user.id);
    let mut race = Race::new("Somebody else signed up or left with this address, please try again");
    loop {
        let holder = state.users.id_of(&UniqueName::of(user.email.as_str())).await?;
        let written = if holder.is_none() && !state.first_admin.answers_to(user.email.as_str()) {
            let event = state.event_of_sign_up(AuditAction::SignedUp, user, circumstances);
            let also = Also::nothing().and_promise(state.jobs.promise(&welcome)).and(state.audit.record(&event));
            state.users.insert(user, &password_hash, &also, once.as_ref()).await
        } else {
            let event = state.event_of_sign_up(AuditAction::SignUpRefused, user, circumstances).by(None);
            let also = Also::nothing().and_promise(state.jobs.promise(&notice)).and(state.audit.record(&event));
            state.users.reserve_username(user, holder, &also, once.as_ref()).await
        };
        match written {
            // The address has got an account meanwhile, or lost it.
            Err(InsertUserError::NameTaken(taken)) if taken.email && !taken.username => race.lost()?,
            written => return answer(written, created),
        }
    }
}

impl UsersState {
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
