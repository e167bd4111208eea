# The tutorial's way with Flask: Authlib's client, Flask-SQLAlchemy, and Flask's session in a signed cookie.
import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, session, url_for
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

STUB_URL = os.environ['STUB_URL']
app = Flask(__name__)
app.secret_key = 'a secret of thirty-two characters'
app.config['SQLALCHEMY_DATABASE_URI'] = os.environ['DATABASE_URL']
app.config['SQLALCHEMY_ENGINE_OPTIONS'] = {'pool_size': 10, 'connect_args': {'options': '-c search_path=flask'}}
db = SQLAlchemy(app)
oauth = OAuth(app)
oauth.register(
    'bench',
    client_id='bench',
    client_secret='secret',
    authorize_url=f'{STUB_URL}/authorize',
    access_token_url=f'{STUB_URL}/token',
    api_base_url=f'{STUB_URL}/',
    client_kwargs={'code_challenge_method': 'S256'},
)


class User(db.Model):
    __tablename__ = 'users'
    id = db.Column(db.Integer, primary_key=True)
    subject = db.Column(db.String, unique=True)
    name = db.Column(db.String)
    email = db.Column(db.String)


with app.app_context():
    db.session.execute(text('CREATE SCHEMA IF NOT EXISTS flask'))
    db.session.commit()
    db.create_all()


@app.get('/ready')
def ready():
    return jsonify(status='ok')


@app.get('/login')
def login():
    return oauth.bench.authorize_redirect(url_for('callback', _external=True))


@app.get('/callback')
def callback():
    token = oauth.bench.authorize_access_token()
    profile = oauth.bench.get('me', token=token).json()
    user = db.session.execute(db.select(User).filter_by(subject=profile['id'])).scalar_one_or_none()
    if user is None:
        user = User(subject=profile['id'])
        db.session.add(user)
    user.name, user.email = profile['name'], profile['email']
    db.session.commit()
    session['user_id'] = user.id
    return redirect('/')


@app.get('/me')
def me():
    user = db.session.get(User, session.get('user_id', 0))
    if user is None:
        return '', 401
    return jsonify(id=user.id, name=user.name, email=user.email)
