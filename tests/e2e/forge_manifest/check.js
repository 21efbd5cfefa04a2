// What the vendor's check says about the manifest.yml of the working directory, as JSON.
const { ProcessorBuilder, ValidationTypes } = require("@forge/manifest");

ProcessorBuilder.instance()
  .withValidation(ValidationTypes.FULL)
  .build()
  .process()
  .then(({ success, errors }) => console.log(JSON.stringify({ success, errors })));
