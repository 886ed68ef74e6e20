//! Pictures of VMs and templates: given by who may edit them, checked and made smaller here.

use crate::auth;
use crate::db::Db;
use crate::engine::changes::Topic;
use crate::engine::{Cx, EngineError};
use crate::model::event::{About, EventCode};
use crate::model::icon::{self, Icons, MAX_BYTES, MAX_HEIGHT, MAX_WIDTH, MediaType, NoPicture, Picture, SMALL};
use crate::model::ids::{BLANK_TEMPLATE, IconId, ObjectId, TemplateId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::VmAction;
use crate::store::icons::{self as store, Given};
use crate::store::{first_run, templates};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::imageops::FilterType;
use image::{ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Vm(VmId),
    Template(TemplateId),
}

impl Of {
    const fn object(self) -> ObjectId {
        match self {
            Self::Vm(id) => id.object(),
            Self::Template(id) => id.object(),
        }
    }

    const fn permit(self) -> Action {
        match self {
            Self::Vm(_) => VmAction::Edit.permit(),
            Self::Template(_) => Action::EditTemplateProperties,
        }
    }

    const fn kind(self) -> ObjectKind {
        match self {
            Self::Vm(_) => ObjectKind::Vm,
            Self::Template(_) => ObjectKind::Template,
        }
    }

    fn name(self, db: &mut Db) -> Result<String, EngineError> {
        let name = match self {
            Self::Vm(id) => first_run::guest(db, id)?.map(|(name, _)| name),
            Self::Template(id) if id == BLANK_TEMPLATE => None,
            Self::Template(id) => templates::get(db, id)?.map(|t| t.name),
        };
        name.ok_or_else(|| EngineError::NotFound { kind: self.kind().as_str(), id: self.object().to_string() })
    }

    fn about(self, name: String) -> About {
        match self {
            Self::Vm(id) => About { vm: Some((id, name)), ..About::default() },
            Self::Template(id) => About { template: Some((id, name)), ..About::default() },
        }
    }
}

/// Gives a picture, or takes it away (`None`): what has none shows its template's, or its operating system's drawing.
///
/// # Errors
/// It is no picture or too large; refused, hidden, or the database failed.
pub async fn set(cx: &Cx, of: Of, picture: Option<Vec<u8>>) -> Result<(), EngineError> {
    let given = picture.map(|bytes| given(&bytes)).transpose()?;
    let (cx, db) = (cx.clone(), cx.engine.db.clone());
    let keep = move |db: &mut Db| {
        auth::check(db, &cx.actor, of.permit(), of.object())?;
        let name = of.name(db)?;
        match &given {
            Some(given) => store::set(db, of.object(), given)?,
            None => store::remove(db, of.object())?,
        }
        cx.engine.changed(Topic::Object(of.kind()), None);
        cx.tell(db, EventCode::IconChanged, of.about(name.clone()), &name)
    };
    db.write(keep).await
}

/// Whether it is a picture that is taken.
///
/// # Errors
/// It is none, or too large.
pub fn check(bytes: &[u8]) -> Result<(), EngineError> {
    given(bytes).map(drop)
}

/// The picture with its smaller one; what it is its bytes say.
fn given(bytes: &[u8]) -> Result<Given, EngineError> {
    const FIELD: &str = "large_icon";
    let wrong = |problem| EngineError::from(Invalid::new(FIELD, problem));
    let none = || wrong(Problem::Picture(NoPicture::none()));
    if bytes.len() > MAX_BYTES {
        return Err(wrong(Problem::Picture(NoPicture::TooLarge { bytes: bytes.len(), most: MAX_BYTES })));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| none())?;
    let media_type = match reader.format() {
        Some(ImageFormat::Png) => MediaType::Png,
        Some(ImageFormat::Jpeg) => MediaType::Jpeg,
        Some(ImageFormat::Gif) => MediaType::Gif,
        _ => return Err(none()),
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_WIDTH);
    limits.max_image_height = Some(MAX_HEIGHT);
    limits.max_alloc = Some(4 << 20);
    reader.limits(limits);
    let whole = reader.decode().map_err(|_| none())?;
    // Decoders need not ask for the limits; whole pictures are what they say.
    if whole.width() > MAX_WIDTH || whole.height() > MAX_HEIGHT {
        return Err(none());
    }
    let mut small = Cursor::new(Vec::new());
    whole.resize(SMALL.0, SMALL.1, FilterType::Triangle).write_to(&mut small, ImageFormat::Png).map_err(|_| none())?;
    let icons = Icons { small: IconId::random(), large: IconId::random() };
    Ok(Given { icons, media_type, large: STANDARD.encode(bytes), small: STANDARD.encode(small.into_inner()) })
}

/// A picture by its id, for whoever may see what it is of.
///
/// # Errors
/// There is none, or what it is of is hidden, or the database failed.
pub async fn get(cx: &Cx, id: IconId) -> Result<Picture, EngineError> {
    if let Some(drawn) = icon::drawing(id) {
        return Ok(drawn);
    }
    let actor = cx.actor.clone();
    let none = move || EngineError::NotFound { kind: "icon", id: id.to_string() };
    let find = move |db: &mut Db| {
        let Some((object, media_type, data)) = store::get(db, id)? else { return Err(none()) };
        auth::see(db, &actor, object).map_err(|_| none())?;
        Ok((media_type, data))
    };
    let (media_type, data) = cx.engine.db.read(find).await?;
    let data = STANDARD.decode(data).map_err(|e| EngineError::Internal(format!("the icon {id} is broken: {e}")))?;
    Ok(Picture { media_type, data })
}

/// It is a drawing of an operating system.
pub fn is_drawing(id: IconId) -> bool {
    icon::drawing(id).is_some()
}

/// All drawings, and the pictures of what the actor may see.
///
/// # Errors
/// The database failed.
pub async fn list(cx: &Cx) -> Result<Vec<(IconId, Picture)>, EngineError> {
    let actor = cx.actor.clone();
    let find = move |db: &mut Db| {
        let mut all = store::all(db)?;
        all.retain(|(object, _)| auth::see(db, &actor, *object).is_ok());
        Ok::<_, EngineError>(all)
    };
    let given = cx.engine.db.read(find).await?;
    let mut all = Vec::new();
    for icons in Icons::of_systems().chain(given.into_iter().map(|(_, icons)| icons)) {
        for id in [icons.small, icons.large] {
            all.push((id, get(cx, id).await?));
        }
    }
    Ok(all)
}
