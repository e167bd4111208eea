// simple-oauth2 prints its requests, client secret and code included, when DEBUG asks for it. Imported first, before it loads.
delete process.env['DEBUG']
