-- What every department shares: users, partners, products and the lists of
-- countries and currencies. Other apps name these models as "base.Partner".
app "base" { version = "1.0.0", title = "Base" }

role "employee" { title = "Employee" }
role "manager"  { title = "Manager", implies = { "employee" } }

-- The directory of users: who may log in, and with which roles
-- ("sales.seller", "base.employee", "admin").
model "User" {
  title = "User",
  fields = {
    login  = text { required = true, unique = true, size = 100 },
    name   = text { required = true },
    email  = text { unique = true, size = 200 },
    active = bool { required = true, default = true },
    roles  = list(text) {},
    created_at = created {},
  },
}

model "Currency" {
  title = "Currency",
  fields = {
    code   = text { required = true, unique = true, size = 3 },
    number = text { size = 3 },
    name   = text { required = true },
  },
}

model "Country" {
  title = "Country",
  fields = {
    code   = text { required = true, unique = true, size = 2 },
    code3  = text { unique = true, size = 3 },
    number = text { size = 3 },
    name   = text { required = true, index = true, size = 100 },
    partners = many "Partner" { by = "country" },
  },
}

model "Partner" {
  title = "Partner",
  fields = {
    code     = text { required = true, unique = true, size = 20 },
    name     = text { required = true, index = true, size = 200 },
    kind     = enum "PartnerKind" { default = "CUSTOMER", required = true },
    email    = text {},
    phone    = text { size = 40 },
    street   = text {},
    zip      = text { size = 20 },
    city     = text { index = true, size = 100 },
    country  = ref "Country" {},
    currency = ref "Currency" { one_sided = true },
    user     = ref "User" { one_sided = true, title = "Login" },
    since    = date {},
    active   = bool { required = true, default = true },
  },
}

enum "PartnerKind" { "CUSTOMER", "SUPPLIER", "BOTH" }

model "Product" {
  title = "Product",
  fields = {
    sku    = text { required = true, unique = true, size = 40 },
    name   = text { required = true, index = true, size = 200 },
    price  = money { required = true, default = 0, min = 0 },
    weight = decimal { digits = { 12, 3 }, min = 0 },
    active = bool { required = true, default = true },
  },
}

access "User"     { employee = "read" }
access "Currency" { employee = "read", manager = "all" }
access "Country"  { employee = "read", manager = "all" }
access "Partner"  { employee = { "read", "create", "write" }, manager = "all" }
access "Product"  { employee = "read", manager = "all" }
