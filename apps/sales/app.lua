-- Sales orders on base's partners and products.
app "sales" { version = "1.0.0", title = "Sales", depends = { "base" } }

role "seller"  { title = "Seller", implies = { "base.employee" } }
role "manager" { title = "Sales manager", implies = { "seller", "base.manager" } }

enum "OrderState" { "DRAFT", "SENT", "CONFIRMED", "CANCELLED" }

model "Order" {
  title = "Sales order",
  fields = {
    number    = text { required = true, unique = true, size = 20 },
    state     = enum "OrderState" { required = true, default = "DRAFT", index = true },
    partner   = ref "base.Partner" { required = true, one_sided = true },
    owner     = ref "base.User" { one_sided = true, default = me },
    ordered   = date { required = true, index = true },
    delivered = date {},
    note      = text {},
    tags      = refs "Tag" { by = "orders" },
    lines     = many "OrderLine" { by = "order" },
    created_at = created {},
    updated_at = updated {},
  },
  check = { "delivered == nil or delivered >= ordered",
            "An order cannot be delivered before it was placed" },
}

model "OrderLine" {
  title = "Order line",
  fields = {
    order    = ref "Order" { required = true, on_delete = "cascade" },
    position = int { required = true, default = 1, min = 1 },
    product  = ref "base.Product" { required = true, one_sided = true },
    qty      = int { required = true, default = 1, min = 1 },
    price    = money { required = true, min = 0 },
    discount = int { required = true, default = 0, min = 0, max = 100, title = "Discount (%)" },
    subtotal = money { stored = sql "qty * price * (100 - discount) / 100" },
  },
}

model "Tag" {
  fields = {
    name   = text { required = true, unique = true, size = 50 },
    orders = refs "Order" { by = "tags" },
  },
}

access "Order"     { seller = { "read", "create", "write" }, manager = "all" }
access "OrderLine" { seller = "all" }
access "Tag"       { seller = { "read", "create" }, manager = "all" }
